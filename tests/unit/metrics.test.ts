// Metrics against scikit-learn and scipy (tests/golden/metrics.json), and where they are not defined.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { METRICS } from '../../src/metric';
import { confusionMatrix, countsOf, ratesOf } from '../../src/metric/counts';
import type { ClassPredictions, LabelPredictions, NumberPredictions, Predictions } from '../../src/metric/metric';
import { classPredictions, labelPredictions, largestOf } from '../../src/metric/predictions';
import { metricKinds, type MetricKind, type PredictionKind } from '../../src/recipe/metrics';
import golden from '../golden/metrics.json';

const TOLERANCE = 1e-12;

/** Passes for null and null, and for numbers within the tolerance relative to the expected one (absolute below 1). */
function expectValue(found: number | null, expected: number | null, name: string): void {
  if (expected === null || found === null) expect(found, name).toBe(expected);
  else expect(Math.abs(found - expected), name).toBeLessThanOrEqual(TOLERANCE * Math.max(1, Math.abs(expected)));
}

/** Certain predictions of the given classes. */
function certain(truth: readonly number[], predicted: readonly number[], classes: number): ClassPredictions {
  const probabilities = predicted.flatMap((one) => Array.from({ length: classes }, (_, k) => (k === one ? 1 : 0)));
  return { kind: 'classes', classes, truth, probabilities };
}

/** The same predictions as labels: each example has one label. */
function asLabels(truth: readonly number[], predicted: readonly number[], labels: number): LabelPredictions {
  const oneHot = (values: readonly number[]) =>
    values.flatMap((one) => Array.from({ length: labels }, (_, k) => Number(k === one)));
  return { kind: 'labels', labels, truth: oneHot(truth), probabilities: oneHot(predicted) };
}

const numbers = (truth: readonly number[], predicted: readonly number[], outputs = 1): NumberPredictions => {
  return { kind: 'numbers', outputs, truth, predicted };
};

const rates = ['precision', 'recall', 'f1'] as const;
const title = { precision: 'Precision', recall: 'Recall', f1: 'F1' } as const;

describe('classification', () => {
  for (const { name, input, expected } of golden.classification) {
    const { labels, true: truth, predicted } = input;
    const p = certain(truth, predicted, labels.length);
    const multi = asLabels(truth, predicted, labels.length);

    it(`${name}: every number of scikit-learn`, () => {
      expect(labels).toEqual([...labels.keys()]);
      const compared = new Set<string>();
      const compare = (key: string, found: number | null, wanted: number) => {
        compared.add(key);
        expectValue(found, wanted, key);
      };
      compare('accuracy', METRICS.accuracy.of(p), expected.accuracy);
      compare('mcc', METRICS.mcc.of(p), expected.mcc);
      for (const rate of rates) {
        compare(`macro.${rate}`, METRICS[`macro${title[rate]}`].of(p), expected.macro[rate]);
        compare(`weighted.${rate}`, METRICS[`weighted${title[rate]}`].of(p), expected.weighted[rate]);
        // Of one class per example they equal the accuracy.
        compare(`micro.${rate}`, METRICS.accuracy.of(p), expected.micro[rate]);
        countsOf(p).forEach((counts, k) =>
          compare(`per_class.${rate}`, ratesOf(counts)[rate], expected.per_class[rate][k] ?? NaN),
        );
      }
      countsOf(p).forEach(({ support }, k) => compare('per_class.support', support, expected.per_class.support[k] ?? NaN));
      expect([...confusionMatrix(p)]).toEqual(expected.confusion_matrix.flat());
      compared.add('confusion_matrix');
      expect([...compared].sort()).toEqual(namesOf(expected).sort());
    });

    it(`${name}: the same as labels, of which each example has one`, () => {
      expectValue(METRICS.subsetAccuracy.of(multi), expected.accuracy, 'accuracy');
      for (const rate of rates) {
        expectValue(METRICS[`macro${title[rate]}`].of(multi), expected.macro[rate], `macro ${rate}`);
        expectValue(METRICS[`weighted${title[rate]}`].of(multi), expected.weighted[rate], `weighted ${rate}`);
        expectValue(METRICS[`micro${title[rate]}`].of(multi), expected.micro[rate], `micro ${rate}`);
      }
    });

    it(`${name}: balanced accuracy is the mean recall of the classes that occur`, () => {
      const recalls = expected.per_class.recall.filter((_, k) => expected.per_class.support[k] !== 0);
      const mean = recalls.reduce((sum, one) => sum + one, 0) / recalls.length;
      expectValue(METRICS.balancedAccuracy.of(p), mean, 'balanced accuracy');
    });
  }

  /** `group.key` of everything that is expected of a case. */
  function namesOf(expected: object): string[] {
    return Object.entries(expected).flatMap(([key, value]: [string, unknown]) =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.keys(value).map((inner) => `${key}.${inner}`)
        : [key],
    );
  }
});

describe('ranking', () => {
  for (const { name, input, expected } of golden.ranking) {
    it(`${name}: every number of scikit-learn`, () => {
      const rows = input.score.map((score) => (Array.isArray(score) ? score : [1 - score, score]));
      const p: ClassPredictions = {
        kind: 'classes',
        classes: rows[0]?.length ?? 0,
        truth: input.true,
        probabilities: rows.flat(),
      };
      for (const [key, value] of Object.entries<number | null>(expected)) {
        expectValue(METRICS[RANKING[key] ?? 'mse'].of(p), value, key);
      }
    });
  }

  const RANKING: Readonly<Record<string, MetricKind>> = {
    auroc: 'auroc',
    auroc_macro_ovr: 'auroc',
    average_precision: 'averagePrecision',
    brier: 'brier',
  };

  it('of labels is the mean over the labels, without those that no example or every example has', () => {
    // Label 0: one of two pairs is in order (0.5); label 1: all pairs are; label 2 has no positive example.
    const truth = [1, 1, 0, 0, 0, 0, 1, 1, 0];
    const probabilities = [0.9, 0.8, 0.1, 0.5, 0.1, 0.2, 0.4, 0.7, 0.3];
    const p: LabelPredictions = { kind: 'labels', labels: 3, truth, probabilities };
    expectValue(METRICS.auroc.of(p), 0.75, 'auroc');
    // Label 0: 1/2 · 1 + 1/2 · 2/3.
    expectValue(METRICS.averagePrecision.of(p), (5 / 6 + 1) / 2, 'average precision');
    const squares = truth.map((one, i) => (one - (probabilities[i] ?? 0)) ** 2);
    expectValue(METRICS.brier.of(p), squares.reduce((sum, one) => sum + one, 0) / 9, 'brier');
  });

  it('of more than two classes: the squared errors are summed over the classes', () => {
    const p: ClassPredictions = { kind: 'classes', classes: 3, truth: [0, 2], probabilities: [0.5, 0.25, 0.25, 0, 0.5, 0.5] };
    expectValue(METRICS.brier.of(p), (0.375 + 0.5) / 2, 'brier');
  });
});

describe('regression', () => {
  for (const { name, input, expected } of golden.regression) {
    it(`${name}: every number of scikit-learn and scipy`, () => {
      const p = numbers(input.true, input.predicted);
      expect(Object.keys(expected).sort()).toEqual([...metricKinds.numbers].sort());
      for (const kind of metricKinds.numbers) expectValue(METRICS[kind].of(p), expected[kind], kind);
    });
  }

  it('is the mean over several outputs, and not defined when one of them is not', () => {
    const two = numbers([1, 10, 2, 30, 4, 20], [1, 12, 3, 30, 4, 19], 2);
    for (const kind of metricKinds.numbers) {
      const [a, b] = [METRICS[kind].of(numbers([1, 2, 4], [1, 3, 4])), METRICS[kind].of(numbers([10, 30, 20], [12, 30, 19]))];
      expectValue(METRICS[kind].of(two), ((a ?? NaN) + (b ?? NaN)) / 2, kind);
    }
    const constant = numbers([1, 5, 2, 5, 4, 5], [1, 5, 3, 5, 4, 5], 2);
    expect(['mse', 'r2', 'pearson'].map((kind) => METRICS[kind as 'mse'].of(constant) === null)).toEqual([false, true, true]);
  });

  it('has no correlation with a constant whose mean is rounded', () => {
    expect(METRICS.pearson.of(numbers([1, 2, 3], [0.1, 0.1, 0.1]))).toBeNull();
    expect(METRICS.r2.of(numbers([0.1, 0.1, 0.1], [1, 2, 3]))).toBeNull();
  });
});

describe('multi-label', () => {
  const truth = [1, 0, 1, 0, 1, 0, 0, 0, 0, 1, 1, 0];
  const probabilities = [0.9, 0.2, 0.6, 0.5, 0.7, 0.1, 0.2, 0.3, 0.8, 0.6, 0.4, 0.2];
  const p: LabelPredictions = { kind: 'labels', labels: 3, truth, probabilities };

  it('predicts labels above one half', () => {
    // Rows: all right; all right (0.5 is not above one half); label 2 wrong; label 1 missed.
    expect(METRICS.subsetAccuracy.of(p)).toBe(0.5);
    expect(countsOf(p)).toEqual([
      { right: 2, predicted: 2, support: 2 },
      { right: 1, predicted: 1, support: 2 },
      { right: 1, predicted: 2, support: 1 },
    ]);
    expectValue(METRICS.microF1.of(p), 0.8, 'micro');
    expectValue(METRICS.macroF1.of(p), (1 + 2 / 3 + 2 / 3) / 3, 'macro');
    expectValue(METRICS.weightedF1.of(p), (2 + 4 / 3 + 2 / 3) / 5, 'weighted');
  });

  it('has no weighted mean when no example has a label', () => {
    const none: LabelPredictions = { kind: 'labels', labels: 2, truth: [0, 0], probabilities: [0, 0.9] };
    expect(METRICS.weightedF1.of(none)).toBeNull();
    expect(METRICS.macroF1.of(none)).toBe(0);
  });
});

const EMPTY: { readonly [K in PredictionKind]: Predictions } = {
  classes: { kind: 'classes', classes: 2, truth: [], probabilities: [] },
  labels: { kind: 'labels', labels: 2, truth: [], probabilities: [] },
  numbers: numbers([], []),
};
const BROKEN: { readonly [K in PredictionKind]: Predictions } = {
  classes: { kind: 'classes', classes: 2, truth: [0, 1], probabilities: [NaN, NaN, 0, 1] },
  labels: { kind: 'labels', labels: 2, truth: [0, 1], probabilities: [0.5, NaN] },
  numbers: numbers([0, 1], [0, Infinity]),
};
const KINDS = Object.keys(metricKinds) as PredictionKind[];

describe('the table', () => {
  it('lists the metrics of each kind of predictions', () => {
    for (const [name, { measures }] of Object.entries(METRICS)) {
      const listed = KINDS.filter((kind) => (metricKinds[kind] as readonly string[]).includes(name));
      expect([...measures].sort(), name).toEqual(listed.sort());
    }
  });

  it('says which errors are better when lower', () => {
    const lower = Object.entries(METRICS).flatMap(([name, { better }]) => (better === 'lower' ? [name] : []));
    expect(lower.sort()).toEqual(['brier', 'mae', 'mse', 'rmse']);
  });

  for (const kind of KINDS) {
    it(`has no value without examples, nor after a prediction of ${kind} that is not finite`, () => {
      for (const name of metricKinds[kind]) {
        expect(METRICS[name].of(EMPTY[kind]), name).toBeNull();
        expect(METRICS[name].of(BROKEN[kind]), name).toBeNull();
      }
    });
  }

  it('refuses predictions of another kind, of other sizes, and unknown classes', () => {
    expect(() => METRICS.accuracy.of(EMPTY.numbers)).toThrow(/internal: a metric of classes was asked about numbers/);
    expect(() => METRICS.mse.of(numbers([1, 2], [1]))).toThrow(/internal: 1 predictions for 2 true values/);
    expect(() => METRICS.mse.of(numbers([1, 2, 3], [1, 2, 3], 2))).toThrow(/internal: 3 numbers are no rows of 2/);
    expect(() => METRICS.accuracy.of({ ...certain([2], [1], 2) })).toThrow(/internal: the true class 2 is not one of 2/);
  });

  it('has its best value for perfect predictions of one class', () => {
    const one = certain([0, 0], [0, 0], 1);
    expect([METRICS.accuracy.of(one), METRICS.macroF1.of(one), METRICS.mcc.of(one), METRICS.auroc.of(one)]).toEqual([
      1,
      1,
      0,
      null,
    ]);
  });
});

describe('predictions from logits', () => {
  // Multiples of 1/16: logits that differ by less than 1e-16 have equal probabilities.
  const logit = fc.integer({ min: -800, max: 800 }).map((n) => n / 16);
  const rows = fc.array(fc.array(logit, { minLength: 3, maxLength: 3 }), { minLength: 1, maxLength: 8 });

  it('are probabilities in the order of the logits', () => {
    const property = fc.property(rows, (logits) => {
      const p = classPredictions(
        logits.flat(),
        logits.map(() => 0),
        3,
      );
      logits.forEach((_, row) => {
        const [a = 0, b = 0, c = 0] = Array.prototype.slice.call(p.probabilities, 3 * row, 3 * row + 3) as number[];
        expect(a + b + c).toBeCloseTo(1, 12);
      });
      const best = logits.map((row) => Math.max(...row));
      expect([...largestOf(p.probabilities, 3)].map((k, row) => logits[row]?.[k])).toEqual(best);
    });
    fc.assert(property);
  });

  it('are finite for large logits', () => {
    expect([...largestOf(classPredictions([1000, 999, -1000, -999], [0, 1], 2).probabilities, 2)]).toEqual([0, 1]);
    const { probabilities } = labelPredictions([1000, -1000, 0], [1, 0, 1], 3);
    expect([probabilities[0], probabilities[1], probabilities[2]]).toEqual([1, 0, 0.5]);
  });

  it('stay undefined for logits that are not numbers', () => {
    expect(METRICS.accuracy.of(classPredictions([NaN, 1], [1], 2))).toBeNull();
  });
});
