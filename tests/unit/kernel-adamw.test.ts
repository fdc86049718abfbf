/** The twin of adamw, with the numbers that `hyperAt` gives it, against the published algorithm in f64. */

import * as tf from '@tensorflow/tfjs';
import { beforeAll, expect, test } from 'vitest';
import { adamwOp } from '../../kernels/adamw';
import { gradnormOp } from '../../kernels/gradnorm';
import { hyperAt } from '../../src/optim/adamw';

const recipe = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1, maxGradNorm: 1 };
const rate = 0.01;
const ONE_GROUP = [{ rate: 1, decays: true }];
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

type State = Readonly<Record<'param' | 'm' | 'v', tf.Tensor>>;

const tensor = (values: readonly number[]) => tf.tensor1d([...values]);

/** One step of the twin; returns the new state and the gradient. */
function twinStep(step: number, state: State): State & { readonly grad: tf.Tensor } {
  const grad = tf.tensor1d(gradients(step));
  const { norm } = gradnormOp.twin({ g: grad, scale: null }, {});
  const hyper = tf.tensor1d(hyperAt(recipe, ONE_GROUP, step - 1, rate));
  return adamwOp.twin({ ...state, grad, hyper, norm, scale: null }, { starts: [] });
}

beforeAll(() => tf.setBackend('cpu'));

test('fifty clipped steps follow the algorithm', () => {
  const steps = 50;
  // Each step rounds a parameter of up to 2.5 to f32.
  const rounding = steps * 2 ** -23;
  const [m, v] = [[...zeros], [...zeros]];
  let expected = start;
  let state: State = { param: tensor(start), m: tensor(zeros), v: tensor(zeros) };
  for (let step = 1; step <= steps; step++) {
    expected = referenceStep(step, expected, m, v);
    const { grad, ...next } = twinStep(step, state);
    expect(Array.from(grad.dataSync())).toEqual(zeros);
    state = next;
  }
  const found = Array.from(state.param.dataSync());
  expected.forEach((value, i) => expect(Math.abs((found[i] ?? NaN) - value)).toBeLessThan(rounding));
});

test('the bias corrections fit the betas as f32: every one of 200 updates is right to 2e-6', () => {
  const [m, v] = [[...zeros], [...zeros]];
  let state: State = { param: tensor(zeros), m: tensor(zeros), v: tensor(zeros) };
  let worst = 0;
  for (let step = 1; step <= 200; step++) {
    // From a parameter of 0 the result is the update itself, with its own relative precision.
    const expected = referenceStep(step, zeros, m, v);
    state = twinStep(step, { ...state, param: tensor(zeros) });
    const found = Array.from(state.param.dataSync());
    expected.forEach((value, i) => (worst = Math.max(worst, Math.abs((found[i] ?? NaN) - value) / rate)));
  }
  expect(worst).toBeLessThan(2e-6);
});

test('a norm that is not finite leaves all but the gradient unchanged', () => {
  const state = { param: tensor([1, 2]), grad: tensor([NaN, 1]), m: tensor([3, 4]), v: tensor([5, 6]) };
  for (const norm of [NaN, Infinity]) {
    const hyper = tensor([...hyperAt(recipe, ONE_GROUP, 0, rate)]);
    const { param, grad, m, v } = adamwOp.twin({ ...state, hyper, norm: tensor([norm]), scale: null }, { starts: [] });
    expect([param, grad, m, v].map((each) => Array.from(each.dataSync()))).toEqual([
      [1, 2],
      [0, 0],
      [3, 4],
      [5, 6],
    ]);
  }
});

test('each group has its own rate, and decays or not', () => {
  const groups = [
    { rate: 1, decays: true },
    { rate: 8, decays: false },
  ];
  const hyper = hyperAt(recipe, groups, 0, rate);
  expect(hyper).toHaveLength(16);
  expect([hyper[0], hyper[4], hyper[8], hyper[12]]).toEqual([rate, 0.1, 8 * rate, 0].map(Math.fround));
  const ones = () => tensor(Array<number>(8).fill(1));
  const nothing = () => tensor(Array<number>(8).fill(0));
  const state = { param: ones(), grad: ones(), m: nothing(), v: nothing(), norm: tensor([1]), scale: null };
  const { param } = adamwOp.twin({ ...state, hyper: tensor([...hyper]) }, { starts: [4] });
  const found = Array.from(param.dataSync());
  // The first step moves by the rate; the first group also decays by rate · decay.
  found.slice(0, 4).forEach((value) => expect(value).toBeCloseTo(1 - rate - rate * 0.1, 6));
  found.slice(4).forEach((value) => expect(value).toBeCloseTo(1 - 8 * rate, 6));
});
