// Calibration errors and temperatures against torchmetrics and scipy (tests/golden/metrics.json), and where they are not defined.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BINS, calibrationOf, fitTemperature, labelLogits, type ClassLogits } from '../../src/metric/calibration';
import golden from '../golden/metrics.json';

const dataOf = (input: { logits: readonly (readonly number[])[]; true: readonly number[] }): ClassLogits => ({
  ...{ logits: input.logits.flat(), truth: input.true, classes: input.logits[0]?.length ?? 0 },
});

describe.each(golden.calibration)('$name', ({ input, expected }) => {
  const data = dataOf(input);

  it('has the expected calibration error and likelihood', () => {
    const found = calibrationOf(data);
    expect(found?.ece).toBeCloseTo(expected.ece, 12);
    expect(found?.nll).toBeCloseTo(expected.nll, 10);
    expect(found?.bins).toHaveLength(BINS);
    expect(found?.bins.reduce((sum, { count }) => sum + count, 0)).toBe(input.true.length);
  });

  it('has the temperature of the least likelihood, or none', () => {
    const temperature = fitTemperature(data);
    if (expected.temperature === null || temperature === null) {
      expect(temperature).toBe(expected.temperature);
      return;
    }
    // scipy's search stops at a relative 1e-5 or so.
    expect(Math.abs(temperature / expected.temperature - 1)).toBeLessThan(1e-4);
    const scaled = calibrationOf(data, temperature);
    expect(scaled?.nll).toBeLessThanOrEqual(expected.nll_scaled + 1e-12);
    expect(scaled?.ece).toBeCloseTo(expected.ece_scaled, 3);
  });
});

describe.each(golden.label_calibration)('labels, $name', ({ input, expected }) => {
  const data = labelLogits(input.logits.flat(), input.true.flat());

  it('have the binary calibration error and likelihood, and one temperature for all', () => {
    const found = calibrationOf(data);
    // torchmetrics computes in f32.
    expect(found?.ece).toBeCloseTo(expected.ece, 6);
    expect(found?.nll).toBeCloseTo(expected.nll, 10);
    expect(found?.bins.reduce((sum, { count }) => sum + count, 0)).toBe(input.true.flat().length);
    const temperature = fitTemperature(data) ?? NaN;
    expect(Math.abs(temperature / expected.temperature - 1)).toBeLessThan(1e-4);
    const scaled = calibrationOf(data, temperature);
    expect(scaled?.nll).toBeLessThanOrEqual(expected.nll_scaled + 1e-12);
    expect(scaled?.ece).toBeCloseTo(expected.ece_scaled, 3);
  });
});

describe('a temperature', () => {
  it('has no higher likelihood than its neighbours, and never changes a prediction', () => {
    // Sixteenths: closer ones may round to the same probability.
    const row = fc.array(
      fc.integer({ min: -128, max: 128 }).map((z) => z / 16),
      { minLength: 3, maxLength: 3 },
    );
    const rows = fc.array(fc.tuple(row, fc.nat(2)), { minLength: 4, maxLength: 40 });
    fc.assert(
      fc.property(rows, (pairs) => {
        const data = { logits: pairs.flatMap(([logits]) => logits), truth: pairs.map(([, truth]) => truth), classes: 3 };
        const temperature = fitTemperature(data);
        if (temperature === null) return;
        const nll = (factor: number) => calibrationOf(data, temperature * factor)?.nll ?? NaN;
        expect(nll(1)).toBeLessThanOrEqual(nll(1.001) + 1e-12);
        expect(nll(1)).toBeLessThanOrEqual(nll(0.999) + 1e-12);
        const right = (calibration: ReturnType<typeof calibrationOf>) =>
          calibration?.bins.reduce((sum, bin) => sum + bin.count * bin.accuracy, 0) ?? NaN;
        expect(right(calibrationOf(data, temperature))).toBeCloseTo(right(calibrationOf(data)), 9);
      }),
    );
  });

  it('is not defined without examples, nor for logits that are not finite', () => {
    for (const data of [
      { logits: [], truth: [], classes: 2 },
      { logits: [0, Infinity], truth: [1], classes: 2 },
    ]) {
      expect([calibrationOf(data), fitTemperature(data)]).toEqual([null, null]);
    }
  });
});
