import { rmsnormBackwardOp, rmsnormOp, type RmsnormAttrs } from '../../../kernels/rmsnorm';
import type { OpCases } from '../harness';
import { BASE } from '../targets';

/** Rows, groups a row, elements a group. */
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

/** Run in bindings of 64 runs each. */
const cut: readonly (readonly [number, number, number])[] = [
  [200, 1, 5],
  [50, 3, 8],
];

/** Run without optional features. */
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

const name = (size: readonly [number, number, number]) => `${size.join('x')}${base.includes(size) ? ' base' : ''}`;

export const rmsnormCases: OpCases<RmsnormAttrs> = {
  op: rmsnormOp,
  gradient: { inputs: [0], outputs: [0] },
  cases: all.map((size, i) => ({
    ...limit(size),
    name: name(size),
    inputs: [{ shape: [size[0], size[1] * size[2]], fill: [1, 30, 0.5][i % 3] ?? 1 }, { shape: [size[2]] }],
    // A run of one element: without a large eps its gradient is all but 0.
    attrs: { eps: [0.1, 1e-5, 1e-6][i % 3] ?? 0 },
  })),
};

export const rmsnormBackwardCases: OpCases = {
  op: rmsnormBackwardOp,
  cases: all.flatMap((size) => {
    const x = { shape: [size[0], size[1] * size[2]] };
    const inputs = [x, { shape: [size[2]] }, { shape: [size[0] * size[1]] }, x];
    const alone = { ...limit(size), name: name(size), inputs: [...inputs, null], attrs: {} };
    return [alone, { ...alone, name: `${name(size)} + addend`, inputs: [...inputs, x] }];
  }),
};
