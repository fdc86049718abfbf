/** The twin of adamw, with the numbers that `hyperAt` gives it, against the published algorithm in f64. */

import * as tf from '@tensorflow/tfjs';
import { beforeAll, expect, test } from 'vitest';
import { adamwOp } from '../../kernels/adamw';
import { gradnormOp } from '../../kernels/gradnorm';
import { hyperAt } from '../../src/optim/adamw';

const recipe = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1, maxGradNorm: 1 };
const rate = 0.01;
const start = [1, -2, 0.5, 0];
const zeros = [0, 0, 0, 0];

/** Gradients of step `step` (from 1), whose norm is on both sides of the limit. */
const gradients = (step: number): number[] =>
  [0, 1, 2, 3].map((i) => Math.sin(step * (i + 1)) * (step % 3 === 0 ? 0.1 : 2) + 0.01);

/** One AdamW step in f64 with the recipe's betas as they are; updates `m` and `v`, returns the new parameters. */
function referenceStep(step: number, param: readonly number[], m: number[], v: number[]): number[] {
  const { beta1, beta2, epsilon, weightDecay, maxGradNorm } = recipe;
  const g = gradients(step);
  const clip = Math.min(1, maxGradNorm / (Math.hypot(...g) + 1e-6));
  return param.map((p, i) => {
    const gi = (g[i] ?? 0) * clip;
    const mi = (m[i] = beta1 * (m[i] ?? 0) + (1 - beta1) * gi);
    const vi = (v[i] = beta2 * (v[i] ?? 0) + (1 - beta2) * gi * gi);
    return p - rate * weightDecay * p - (rate * mi) / (1 - beta1 ** step) / (Math.sqrt(vi / (1 - beta2 ** step)) + epsilon);
  });
}

/** One step of the twin over state [param, grad, m, v]; returns the new state. */
function twinStep(step: number, param: tf.Tensor | null, m: tf.Tensor | null, v: tf.Tensor | null): tf.Tensor[] {
  const grad = tf.tensor1d(gradients(step));
  const [norm = null] = gradnormOp.twin([grad], {});
  return adamwOp.twin([param, grad, m, v, tf.tensor1d(hyperAt(recipe, step - 1, rate)), norm], {});
}

beforeAll(() => tf.setBackend('cpu'));

test('fifty clipped steps follow the algorithm', () => {
  const steps = 50;
  // Each step rounds a parameter of up to 2.5 to f32.
  const rounding = steps * 2 ** -23;
  const [m, v] = [[...zeros], [...zeros]];
  let expected = start;
  let state: tf.Tensor[] = [start, zeros, zeros, zeros].map((values) => tf.tensor1d(values));
  for (let step = 1; step <= steps; step++) {
    expected = referenceStep(step, expected, m, v);
    state = twinStep(step, state[0] ?? null, state[2] ?? null, state[3] ?? null);
    expect(Array.from(state[1]?.dataSync() ?? [])).toEqual(zeros);
  }
  const found = Array.from(state[0]?.dataSync() ?? []);
  expected.forEach((value, i) => expect(Math.abs((found[i] ?? NaN) - value)).toBeLessThan(rounding));
});

test('the bias corrections fit the betas as f32: every one of 200 updates is right to 2e-6', () => {
  const [m, v] = [[...zeros], [...zeros]];
  let [, , firstMoment, secondMoment]: (tf.Tensor | undefined)[] = zeros.map(() => tf.tensor1d(zeros));
  let worst = 0;
  for (let step = 1; step <= 200; step++) {
    // From a parameter of 0 the result is the update itself, with its own relative precision.
    const expected = referenceStep(step, zeros, m, v);
    const state = twinStep(step, tf.tensor1d(zeros), firstMoment ?? null, secondMoment ?? null);
    [, , firstMoment, secondMoment] = state;
    const found = Array.from(state[0]?.dataSync() ?? []);
    expected.forEach((value, i) => (worst = Math.max(worst, Math.abs((found[i] ?? NaN) - value) / rate)));
  }
  expect(worst).toBeLessThan(2e-6);
});

test('a norm that is not finite leaves all but the gradient as it was', () => {
  const inputs = [[1, 2], [NaN, 1], [3, 4], [5, 6], hyperAt(recipe, 0, rate)].map((values) => tf.tensor1d(values));
  for (const norm of [NaN, Infinity]) {
    const outputs = adamwOp.twin([...inputs, tf.tensor1d([norm])], {});
    expect(outputs.map((tensor) => Array.from(tensor.dataSync()))).toEqual([
      [1, 2],
      [0, 0],
      [3, 4],
      [5, 6],
    ]);
  }
});
