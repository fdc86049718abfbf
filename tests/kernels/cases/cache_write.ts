import { cacheWriteOp } from '../../../kernels/cache_write';
import type { OpCases } from '../harness';

/** Rows of the cache, width, new rows, start. */
const sizes: readonly (readonly [number, number, number, number])[] = [
  [1, 1, 1, 0],
  [1, 4, 1, 0],
  [2, 3, 1, 1],
  [4, 5, 2, 0],
  [4, 5, 2, 2],
  [4, 5, 2, 3],
  [4, 5, 2, 4],
  [4, 5, 2, 9],
  [8, 8, 8, 0],
  [8, 8, 8, 1],
  [8, 8, 9, 0],
  [8, 8, 20, 5],
  [16, 64, 1, 7],
  [16, 64, 1, 15],
  [16, 64, 1, 16],
  [33, 65, 17, 9],
  [100, 192, 1, 50],
  [100, 192, 64, 30],
  [100, 192, 64, 80],
  [256, 128, 200, 56],
  [512, 192, 1, 511],
];

export const cacheWriteCases: OpCases = {
  op: cacheWriteOp,
  cases: sizes.map(([cache, width, rows, start]) => ({
    name: `${rows}x${width} at ${start} of ${cache}`,
    inputs: [{ shape: [cache, width] }, { shape: [rows, width] }, { shape: [1], dtype: 'i32', fill: () => start }],
    attrs: {},
  })),
};
