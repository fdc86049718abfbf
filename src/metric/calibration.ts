/**
 * How far the probabilities of classes can be trusted: the expected calibration error with its reliability bins, and the temperature
 * that calibrates them (Guo et al., "On Calibration of Modern Neural Networks", arXiv 1706.04599). All in f64.
 */

import { classPredictions, largestOf } from './predictions';

/** Logits [R, K] and true classes [R]. */
export interface ClassLogits {
  readonly logits: ArrayLike<number>;
  readonly truth: ArrayLike<number>;
  readonly classes: number;
  /** The bins are of the probability of this class; of that of the predicted class when absent. */
  readonly binned?: number;
}

/**
 * Logits and flags [R, K] of labels that are independent of each other, as R·K examples of two classes: the sigmoid of z is the softmax of
 * (0, z). The bins are of the probability of having the label, as torchmetrics' binary calibration error.
 */
export function labelLogits(logits: ArrayLike<number>, truth: ArrayLike<number>): ClassLogits {
  const pairs = new Float64Array(2 * logits.length);
  for (let i = 0; i < logits.length; i++) pairs[2 * i + 1] = logits[i] ?? NaN;
  return { logits: pairs, truth, classes: 2, binned: 1 };
}

/** The examples whose confidence, the probability of the predicted or the binned class, is in (i / bins, (i + 1) / bins]. */
export interface Bin {
  readonly count: number;
  /** Mean confidence, and the share of examples of that class; 0 in an empty bin. */
  readonly confidence: number;
  readonly accuracy: number;
}

export interface Calibration {
  /** Mean over the examples of |accuracy − confidence| of their bin. */
  readonly ece: number;
  /** Mean negative log-likelihood of the true classes, in nats. */
  readonly nll: number;
  readonly bins: readonly Bin[];
}

/** Bins of equal width, as torchmetrics' default. */
export const BINS = 15;

/** The calibration of the logits divided by `temperature`; null without examples, or with logits that are not finite. */
export function calibrationOf(data: ClassLogits, temperature = 1): Calibration | null {
  const { truth, classes } = data;
  if (truth.length === 0 || !Array.prototype.every.call(data.logits, Number.isFinite)) return null;
  const logits = Float64Array.from(data.logits, (z) => z / temperature);
  const bins = binsOf(logits, data);
  const error = bins.reduce((sum, bin) => sum + bin.count * Math.abs(bin.accuracy - bin.confidence), 0);
  return { ece: error / truth.length, nll: slopes(logits, truth, classes, 1).nll, bins };
}

function binsOf(logits: Float64Array, { truth, classes, binned }: ClassLogits): readonly Bin[] {
  const { probabilities } = classPredictions(logits, truth, classes);
  const sums = Array.from({ length: BINS }, () => ({ count: 0, confidence: 0, right: 0 }));
  const largest = largestOf(probabilities, classes);
  largest.forEach((most, row) => {
    const predicted = binned ?? most;
    const confidence = probabilities[row * classes + predicted] ?? 0;
    const bin = sums[Math.min(BINS - 1, Math.max(0, Math.ceil(confidence * BINS) - 1))];
    if (bin === undefined) return;
    bin.count++;
    bin.confidence += confidence;
    if (predicted === truth[row]) bin.right++;
  });
  return sums.map(({ count, confidence, right }) => ({
    count,
    confidence: count === 0 ? 0 : confidence / count,
    accuracy: count === 0 ? 0 : right / count,
  }));
}

/** The lowest and the highest temperature that is looked for. */
export const TEMPERATURES = [0.01, 100] as const;

/**
 * The temperature with the least negative log-likelihood; null where it has no minimum between `TEMPERATURES`: every prediction is
 * right, or the confidences tell nothing. The likelihood is convex in 1 / temperature, so its slope is bisected.
 */
export function fitTemperature(data: ClassLogits): number | null {
  const { logits, truth, classes } = data;
  if (truth.length === 0 || !Array.prototype.every.call(logits, Number.isFinite)) return null;
  const slope = (inverse: number) => slopes(logits, truth, classes, inverse).slope;
  const [lowest, highest] = TEMPERATURES;
  let [low, high] = [1 / highest, 1 / lowest];
  if (!(slope(low) < 0 && slope(high) > 0)) return null;
  while (high - low > 1e-14 * high) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) break;
    if (slope(middle) < 0) low = middle;
    else high = middle;
  }
  return 2 / (low + high);
}

/** Mean negative log-likelihood under the logits times `inverse`, and its derivative by `inverse`: mean of E[z] − z of the true class. */
function slopes(logits: ArrayLike<number>, truth: ArrayLike<number>, classes: number, inverse: number) {
  let [nll, slope] = [0, 0];
  for (let row = 0; row < truth.length; row++) {
    const from = row * classes;
    const own = logits[from + (truth[row] ?? 0)] ?? NaN;
    let most = -Infinity;
    for (let k = from; k < from + classes; k++) most = Math.max(most, logits[k] ?? NaN);
    let [sum, mean] = [0, 0];
    for (let k = from; k < from + classes; k++) {
      const z = logits[k] ?? NaN;
      const weight = Math.exp(inverse * (z - most));
      sum += weight;
      mean += weight * (z - own);
    }
    nll += Math.log(sum) + inverse * (most - own);
    slope += mean / sum;
  }
  return { nll: nll / truth.length, slope: slope / truth.length };
}
