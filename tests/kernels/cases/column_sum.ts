import { columnSumOp } from '../../../kernels/column_sum';
import { opCases, type CaseOf } from '../harness';
import { REAL } from '../targets';

type Example = CaseOf<typeof columnSumOp>;

/** Rows, runs per row, elements per run. */
type Size = readonly [rows: number, groups: number, width: number];

const sizes: readonly Size[] = [
  [1, 1, 1],
  [1, 1, 3],
  [1, 1, 4],
  [2, 1, 5],
  [3, 1, 8],
  [5, 1, 63],
  [7, 1, 64],
  [9, 1, 65],
  [15, 1, 2],
  [16, 1, 17],
  [33, 3, 20],
  [63, 1, 16],
  [64, 1, 33],
  [65, 1, 12],
  [1, 130, 7],
  [127, 2, 32],
  [129, 1, 100],
  [200, 4, 64],
  [1025, 1, 1],
  [4096, 1, 6],
  [4097, 1, 24],
  [2, 1, 4096],
];

const named = ([rows, groups, width]: Size) => `${rows}x${groups}x${width}`;

const example = (size: Size, rest: Partial<Example> = {}): Example => ({
  name: named(size),
  // A mean of 0.5, so that the sums do not cancel.
  inputs: { x: { shape: [size[0], size[1] * size[2]], fill: (i) => 0.5 + Math.sin(i * i) } },
  attrs: { width: size[2] },
  ...rest,
});

const split = (size: Size): Example =>
  example(size, { name: `${named(size)} in blocks`, target: { maxBindingBytes: 64 * 4 * size[2] } });

export const columnSumCases = opCases(columnSumOp, {
  shard: 'elementwise',
  f16: ['65x1x12', '127x2x32', '200x4x64 in blocks'],
  cases: [
    ...sizes.map((size) => example(size)),
    ...(
      [
        [65, 1, 12],
        [129, 1, 100],
        [200, 4, 64],
        [1025, 1, 1],
      ] as const
    ).map((size) => example(size, { name: `${named(size)} on a GPU`, target: REAL })),
    ...(
      [
        [200, 4, 64],
        [130, 1, 7],
        [1025, 1, 1],
      ] as const
    ).map(split),
    // The most tokens of a micro-batch.
    example([65_536, 1, 8]),
  ],
});
