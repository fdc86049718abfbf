/** The rule by which parity cases pass. */

import { describe, expect, test } from 'vitest';
import { judge, missingCases } from '../parity/judge';
import { EXPECTED, EXTERNAL } from '../parity/expected';
import { limitsOf, type Deviations } from '../parity/tolerance';

const quiet = { loss: 1e-7, grad_norm: 2e-7, final: 3e-6 };
const noisy = { loss: 1.6e-6, grad_norm: 1.4e-5, final: 3.3e-3 };
const none: Deviations = { baseLoss: 0, loss: 0, gradNorm: 0, reports: 0, adapter: 0, logits: 0 };

describe('limits', () => {
  test('are 1e-5 for losses and norms and 1e-4 for weights and logits where PyTorch itself is exact', () => {
    expect(limitsOf(quiet)).toEqual({ baseLoss: 1e-5, loss: 1e-5, gradNorm: 1e-5, reports: 1e-5, adapter: 1e-4, logits: 1e-4 });
  });

  test('follow the deviation of PyTorch in f32 from f64 where that is larger', () => {
    const { baseLoss, loss, gradNorm, adapter, logits } = limitsOf(noisy);
    expect([baseLoss, loss]).toEqual([10 * 1.6e-6, 10 * 1.6e-6]);
    expect(gradNorm).toBeCloseTo(1.4e-4, 10);
    expect([adapter, logits]).toEqual([5 * 3.3e-3, 5 * 3.3e-3]);
  });
});

describe('a case that trained', () => {
  const limits = limitsOf(quiet);

  test('passes within all limits', () => {
    expect(judge({ deviations: limits, limits }, 'passes').status).toBe('ok');
  });

  test.each(Object.keys(none) as (keyof Deviations)[])('fails with %s over its limit, or not a number', (key) => {
    for (const value of [1.01 * limits[key], NaN, Infinity]) {
      const { status, text } = judge({ deviations: { ...none, [key]: value }, limits }, 'passes');
      expect(status).toBe('FAIL');
      expect(text).toContain(`${key} ${value.toExponential(2)} (limit`);
    }
  });
});

describe('the list of outcomes', () => {
  const trained = { deviations: none, limits: limitsOf(quiet) };

  test('fails a family that turns unsupported', () => {
    expect(judge({ unsupported: 'no such family' }, 'passes').status).toBe('FAIL');
    expect(judge({ unsupported: 'no such family' }, 'unsupported').status).toBe('unsupported');
  });

  test('fails a family that turns supported without being listed so', () => {
    expect(judge(trained, 'unsupported').status).toBe('FAIL');
    expect(judge({ agreed: 1, expected: 1 }, 'unsupported').status).toBe('FAIL');
  });

  test('fails a case that is not listed', () => {
    expect(judge(trained, undefined)).toMatchObject({ status: 'FAIL', text: expect.stringContaining('not listed') as string });
  });

  test('names listed cases that have no folder, except those outside of the repository', () => {
    const all = Object.keys(EXPECTED).filter((name) => !EXTERNAL.has(name));
    expect(missingCases(all, EXTERNAL)).toEqual([]);
    expect(missingCases(all.slice(1), EXTERNAL)).toEqual(all.slice(0, 1));
  });
});

test('a greedy case passes when every token agrees, and there is one', () => {
  expect(judge({ agreed: 5, expected: 5 }, 'passes').status).toBe('ok');
  expect(judge({ agreed: 4, expected: 5 }, 'passes').status).toBe('FAIL');
  expect(judge({ agreed: 0, expected: 0 }, 'passes').status).toBe('FAIL');
});

test('a crash fails, whatever is expected', () => {
  for (const expected of ['passes', 'unsupported'] as const) expect(judge({ failure: 'boom' }, expected).status).toBe('FAIL');
});
