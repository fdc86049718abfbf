import { concatOp, splitOp, type Columns } from '../../../kernels/columns';
import { opCases, type CaseOf } from '../harness';

/** Rows, columns, ranges of columns as [offset, width], and the binding limit in bytes where the rows must be split. */
type Size = readonly [M: number, N: number, parts: readonly (readonly [number, number])[], limit?: number];

const thirds = (width: number) => [0, 1, 2].map((i) => [i * width, width] as const);

const sizes: readonly Size[] = [
  [1, 1, [[0, 1]]],
  [1, 8, [[4, 4]]],
  [3, 5, [[1, 2]]],
  [3, 5, [[4, 1]]],
  [7, 12, thirds(4)],
  [5, 9, thirds(3)],
  [64, 96, thirds(32)],
  [33, 192, thirds(64)],
  [2, 300, thirds(100)],
  [
    17,
    64,
    [
      [0, 32],
      [32, 32],
    ],
  ],
  [
    17,
    66,
    [
      [0, 33],
      [33, 33],
    ],
  ],
  [
    65,
    40,
    [
      [0, 8],
      [8, 24],
      [32, 8],
    ],
  ],
  [
    65,
    40,
    [
      [4, 4],
      [16, 8],
    ],
  ],
  [
    9,
    41,
    [
      [1, 6],
      [9, 3],
      [12, 1],
      [30, 10],
    ],
  ],
  [
    20,
    64,
    [
      [0, 16],
      [16, 16],
      [32, 16],
      [48, 16],
    ],
  ],
  [130, 20, [[0, 4]]],
  [130, 20, [[16, 4]]],
  [255, 4, [[2, 1]]],
  [300, 24, thirds(8), 8192],
  [
    300,
    9,
    [
      [0, 3],
      [5, 4],
    ],
    4096,
  ],
  [
    1000,
    48,
    [
      [0, 32],
      [32, 16],
    ],
    40_000,
  ],
];

const nameOf = ([M, N, parts, limit]: Size) =>
  `[${M},${N}] at ${parts.map(([offset, width]) => `${offset}+${width}`).join(' ')}${limit === undefined ? '' : ' in blocks'}`;
const targetOf = (limit?: number) => (limit === undefined ? {} : { target: { maxBindingBytes: limit } });

export const splitCases = opCases(splitOp, {
  shard: 'block',
  tolerance: 0,
  gradient: { inputs: ['x'] },
  f16: ['[7,12] at 0+4 4+4 8+4', '[65,40] at 4+4 16+8', '[300,24] at 0+8 8+8 16+8 in blocks', '[255,4] at 2+1'],
  cases: sizes.map((size): CaseOf<typeof splitOp> => {
    const [M, N, parts, limit] = size;
    const attrs = { parts: parts.map(([offset, width]): Columns => ({ offset, width })) };
    return { name: nameOf(size), inputs: { x: { shape: [M, N] } }, attrs, ...targetOf(limit) };
  }),
});

export const concatCases = opCases(concatOp, {
  shard: 'block',
  tolerance: 0,
  gradient: { inputs: ['x0', 'x1', 'x2', 'x3'] },
  f16: ['[7,12] at 0+4 4+4 8+4', '[65,40] at 4+4 16+8', '[300,24] at 0+8 8+8 16+8 in blocks', '[130,20] at 16+4'],
  cases: sizes.map((size): CaseOf<typeof concatOp> => {
    const [M, columns, parts, limit] = size;
    const [x0, x1 = null, x2 = null, x3 = null] = parts.map(([, width]) => ({ shape: [M, width] }));
    const inputs = { x0: x0 ?? { shape: [M, 0] }, x1, x2, x3 };
    return { name: nameOf(size), inputs, attrs: { columns, offsets: parts.map(([offset]) => offset) }, ...targetOf(limit) };
  }),
});
