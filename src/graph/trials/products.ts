/** Trials of matrix products. */

import { lowrank } from '../../../kernels/lowrank';
import { matmul } from '../../../kernels/matmul';
import type { Value } from '../../../kernels/op';
import { quantise } from '../../../kernels/quantise';
import type { Bench } from '../kernel-bench';
import { M, type Trial } from './trial';

function products(b: Bench): readonly Value[] {
  const adapter = { p: b.numbers('p', [M, 4]), q: b.numbers('q', [52, 4]), scale: 2 };
  const extended = matmul(b.program, { a: b.numbers('a', [M, 72]), w: b.numbers('w', [52, 72], 'f32', 'frozen'), adapter });
  const back = matmul(b.program, { a: extended, w: b.numbers('w f16', [52, 72], 'f16', 'frozen'), layout: 'nn' });
  const few = matmul(b.program, { a: b.numbers('few', [3, 72]), w: b.numbers('w few', [52, 72], 'f16', 'frozen') });
  return [extended, back, few];
}

function quantised(b: Bench): readonly Value[] {
  const a = b.numbers('a', [M, 128]);
  return (['q8', 'q4'] as const).map((dtype) => {
    const w = b.graph.declare(`w ${dtype}`, 'frozen', [24, 128], dtype);
    quantise(b.program, w, b.numbers(`numbers ${dtype}`, [24, 128]));
    return matmul(b.program, { a, w });
  });
}

function lowrankProducts(b: Bench): readonly Value[] {
  const [x, dy] = [b.numbers('x', [M, 72]), b.numbers('dy', [M, 52])];
  const u = lowrank(b.program, x, b.numbers('A', [4, 72]), { layout: 'nt', scale: 1 });
  const du = lowrank(b.program, dy, b.numbers('B', [52, 4]), { layout: 'nn', scale: 2 });
  const wide = [68, 70].map((width) => lowrank(b.program, b.numbers(`dz ${width}`, [M, width]), x, { layout: 'tn', scale: 1 }));
  return [u, du, lowrank(b.program, du, x, { layout: 'tn', scale: 1 }), ...wide];
}

export const productTrials: readonly Trial[] = [
  {
    name: 'matmul',
    build: products,
    expected: [
      [-61.03679, 111.0321, 5384.976],
      [464.4039, 635.0505, 30187.35],
      [-5.33516, 12.0886, 387.1594],
    ],
  },
  {
    name: 'quantised matmul',
    build: quantised,
    expected: [
      [103.0342, 49.69443, 3061.878],
      [8.39248, 40.57087, 2864.138],
    ],
  },
  {
    name: 'lowrank',
    build: lowrankProducts,
    expected: [
      [-1.085891, 35.99202, 347.4309],
      [-11.87093, -42.49744, 605.6829],
      [111.5624, 168.8921, 3818.136],
      [-10.97741, 47.58789, 8233.744],
      [26.91145, -66.15571, 8405.482],
    ],
  },
];
