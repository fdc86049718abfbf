import { dropoutOp } from '../../../kernels/dropout';
import { STREAM } from '../../../src/core/random';
import { opCases } from '../harness';

const shapes = [
  [1],
  [2],
  [3],
  [4],
  [5],
  [7, 3],
  [8, 8],
  [63],
  [64],
  [65],
  [5, 100],
  [255],
  [256],
  [257],
  [33, 96],
  [1023],
  [1024],
];
const more = [[1025], [17, 576], [129, 100], [3, 4099]];
/** Run in several dispatches of 256 elements. */
const cut = [[1000], [1003]];
const rates = [0, 0.05, 0.1, 0.5, 0.9];
/** Bit patterns of u32 seeds and steps, the high bit set in some. */
const seeds = [0, 1, -1, 0x7fffffff, -0x80000000, 123456789];

export const dropoutCases = opCases(dropoutOp, {
  shard: 'block',
  gradient: { inputs: ['x'] },
  f16: ['[33,96] rate 0.9', '[1000] rate 0.05'],
  cases: [...shapes, ...more, ...cut].map((shape, i) => {
    const rate = rates[i % rates.length] ?? 0;
    const words = [seeds[i % seeds.length] ?? 0, seeds[(i + 1) % seeds.length] ?? 0];
    return {
      name: `[${shape.join()}] rate ${rate}`,
      inputs: { x: { shape }, seed: { shape: [2], dtype: 'i32', fill: (index: number) => words[index] ?? 0 } },
      attrs: { rate, stream: STREAM.dropout + i },
      ...(cut.includes(shape) && { target: { maxBindingBytes: 1024 } }),
    };
  }),
});
