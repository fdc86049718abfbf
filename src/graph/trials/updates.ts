/** Trials of the optimizer. */

import { adamw } from '../../../kernels/adamw';
import { gradnorm } from '../../../kernels/gradnorm';
import { lossscale } from '../../../kernels/lossscale';
import type { Value } from '../../../kernels/op';
import type { Bench } from '../kernel-bench';
import type { Trial } from './trial';

function updates(b: Bench): readonly Value[] {
  return [1, Infinity].flatMap((size) => {
    const state = (name: string, count: number) => b.numbers(`${name} ${size}`, [count], 'f32', 'state');
    const [param, grad, m] = [state('param', 300), state('grad', 300), state('m', 300)];
    const v = state('v', 300);
    b.data.set(
      v,
      Float32Array.from({ length: 300 }, (_, i) => 0.1 + (i % 7) / 10),
    );
    const hyper = b.numbers(`hyper ${size}`, [8]);
    b.data.set(hyper, Float32Array.of(1e-2, 0.9, 0.999, 1e-8, 0.1, 0.19, 0.002, 1));
    const scaling = { scale: state('scale', 1), good: state('good', 1) };
    b.data.set(scaling.scale, Float32Array.of(4));
    b.data.set(scaling.good, Float32Array.of(3));
    if (size === Infinity) b.data.set(grad, new Float32Array(300).fill(size));
    const norm = gradnorm(b.program, grad, scaling.scale);
    adamw(b.program, { param, grad, m, v }, hyper, norm, scaling.scale);
    const used = lossscale(b.program, scaling, norm);
    return [param, m, v, used, scaling.scale, ...(size === 1 ? [norm] : [])];
  });
}

export const updateTrials: readonly Trial[] = [
  {
    name: 'adamw',
    build: updates,
    expected: [
      [4.447928, -3.509326, 147.9441],
      [-5.153745, 1.824601, 134.6048],
      [-4.702317, -6.082561, 119.5813],
      [-3.530888, -3.648812, 4],
      [-3.530888, -3.648812, 4],
      [-2.278471, -2.354567, 2.581187],
      [4.653153, -2.173262, 147.6753],
      [-4.821147, 11.41265, 147.1594],
      [-4.706985, -6.088601, 119.7],
      [-3.530888, -3.648812, 4],
      [-1.765444, -1.824406, 2],
    ],
  },
];
