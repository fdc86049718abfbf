import { rmsnormBackwardOp, rmsnormOp } from '../../../kernels/rmsnorm';
import { opCases } from '../harness';
import { BASE } from '../targets';

/** Rows, runs per row, elements per run. */
const sizes: readonly (readonly [number, number, number])[] = [
  [1, 1, 1],
  [1, 1, 2],
  [2, 1, 3],
  [1, 1, 4],
  [3, 1, 5],
  [7, 1, 8],
  [5, 3, 4],
  [1, 9, 16],
  [4, 2, 20],
  [9, 1, 33],
  [3, 5, 64],
  [2, 1, 65],
  [17, 1, 96],
  [2, 4, 128],
  [5, 1, 255],
  [33, 1, 256],
  [1, 1, 257],
  [3, 1, 576],
  [65, 1, 64],
  [2, 1, 1000],
  [1, 1, 1023],
  [6, 1, 1536],
  [130, 3, 24],
  [1, 1, 4096],
];

/** With a binding limit of 64 runs. */
const cut: readonly (readonly [number, number, number])[] = [
  [200, 1, 5],
  [50, 3, 8],
];

/** Without optional features. */
const base: readonly (readonly [number, number, number])[] = [
  [1, 1, 7],
  [5, 2, 12],
  [3, 1, 80],
  [2, 1, 130],
  [4, 1, 576],
];

const all = [...sizes, ...cut, ...base];

function limit(size: readonly [number, number, number]) {
  if (base.includes(size)) return { target: BASE };
  return cut.includes(size) ? { target: { maxBindingBytes: 64 * 4 * size[2] } } : {};
}

/** Of every fourth case, as in Gemma. */
const offset = (i: number) => (i % 4 === 3 ? { offset: 1 } : {});

const name = (size: readonly [number, number, number]) => `${size.join('x')}${base.includes(size) ? ' base' : ''}`;

export const rmsnormCases = opCases(rmsnormOp, {
  shard: 'block',
  gradient: { inputs: ['x', 'weight'], outputs: ['y'] },
  f16: ['17x1x96', '3x5x64', '50x3x8', '2x4x128'],
  cases: all.map((size, i) => ({
    ...limit(size),
    name: name(size),
    inputs: { x: { shape: [size[0], size[1] * size[2]], fill: [1, 30, 0.5][i % 3] ?? 1 }, weight: { shape: [size[2]] } },
    // The gradient of a run of one element is almost 0 without a large eps.
    attrs: { eps: [0.1, 1e-5, 1e-6][i % 3] ?? 0, ...offset(i) },
  })),
});

export const rmsnormBackwardCases = opCases(rmsnormBackwardOp, {
  shard: 'block',
  f16: ['17x1x96', '3x5x64', '50x3x8'],
  cases: all.flatMap((size, i) => {
    const x = { shape: [size[0], size[1] * size[2]] };
    const inputs = { x, weight: { shape: [size[2]] }, rstd: { shape: [size[0] * size[1]] }, dy: x };
    const alone = { ...limit(size), name: name(size), inputs: { ...inputs, addend: null }, attrs: offset(i) };
    return [alone, { ...alone, name: `${name(size)} + addend`, inputs: { ...inputs, addend: x } }];
  }),
});
