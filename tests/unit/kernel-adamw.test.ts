/** The twin of adamw over many steps against the published algorithm in f64. */

import * as tf from '@tensorflow/tfjs';
import { beforeAll, expect, test } from 'vitest';
import { adamwOp } from '../../kernels/adamw';
import { gradnormOp } from '../../kernels/gradnorm';

const beta1 = 0.9;
const beta2 = 0.999;
const eps = 1e-8;
const rate = 0.01;
const decay = 0.1;
const limit = 1;
const steps = 50;
/** Each step rounds a parameter of up to 2.5 to f32. */
const rounding = steps * 2 ** -23;

/** Gradients whose norm is on both sides of the limit. */
const gradients = (step: number): number[] =>
  [0, 1, 2, 3].map((i) => Math.sin(step * (i + 1)) * (step % 3 === 0 ? 0.1 : 2) + 0.01);

function reference(): number[] {
  const param = [1, -2, 0.5, 0];
  const m = [0, 0, 0, 0];
  const v = [0, 0, 0, 0];
  for (let step = 1; step <= steps; step++) {
    const g = gradients(step);
    const clip = Math.min(1, limit / (Math.hypot(...g) + 1e-6));
    param.forEach((p, i) => {
      const gi = (g[i] ?? 0) * clip;
      const mi = (m[i] = beta1 * (m[i] ?? 0) + (1 - beta1) * gi);
      const vi = (v[i] = beta2 * (v[i] ?? 0) + (1 - beta2) * gi * gi);
      const moved = mi / (1 - beta1 ** step) / (Math.sqrt(vi / (1 - beta2 ** step)) + eps);
      param[i] = p - rate * decay * p - rate * moved;
    });
  }
  return param;
}

beforeAll(() => tf.setBackend('cpu'));

test('fifty clipped steps follow the algorithm', () => {
  let state: tf.Tensor[] = [[1, -2, 0.5, 0], [], [0, 0, 0, 0], [0, 0, 0, 0]].map((values) => tf.tensor1d(values));
  for (let step = 1; step <= steps; step++) {
    const grad = tf.tensor1d(gradients(step));
    const [norm = null] = gradnormOp.twin([grad], {});
    const bias = [beta1, beta2].map((beta) => 1 - Math.fround(beta) ** step);
    const hyper = tf.tensor1d([rate, beta1, beta2, eps, decay, ...bias, limit]);
    state = adamwOp.twin([state[0] ?? null, grad, state[2] ?? null, state[3] ?? null, hyper, norm], {});
    expect(Array.from(state[1]?.dataSync() ?? [])).toEqual([0, 0, 0, 0]);
  }
  const found = Array.from(state[0]?.dataSync() ?? []);
  reference().forEach((expected, i) => expect(Math.abs((found[i] ?? NaN) - expected)).toBeLessThan(rounding));
});

test('a norm that is not finite leaves all but the gradient as it was', () => {
  const hyper = tf.tensor1d([rate, beta1, beta2, eps, decay, 0.1, 0.001, limit]);
  const inputs = [tf.tensor1d([1, 2]), tf.tensor1d([NaN, 1]), tf.tensor1d([3, 4]), tf.tensor1d([5, 6]), hyper];
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
