import { cacheWriteOp } from '../../../kernels/cache_write';
import { opCases, type CaseOf } from '../harness';

/** `count` consecutive rows. */
const from = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + i);

/** Rows of the cache, width, and the rows written. */
const sizes: readonly (readonly [number, number, readonly number[]])[] = [
  [1, 2, [0]],
  [1, 4, [0]],
  [2, 6, [1]],
  [4, 10, [0, 1]],
  [4, 10, [2, 3]],
  [4, 10, [3, 4]],
  [4, 10, [-1, 2]],
  [4, 10, [-1, -1]],
  [4, 10, [4, 9]],
  [8, 8, from(0, 8)],
  [8, 8, from(7, 8).reverse()],
  [8, 8, from(-4, 20)],
  [16, 64, [7]],
  [16, 64, [15]],
  [33, 66, [32, 0, 17, -1, 5]],
  [100, 192, [50]],
  [100, 192, from(30, 64)],
  [100, 192, from(80, 64)],
  [256, 128, [...from(56, 30), ...from(200, 40), ...from(0, 20)]],
  [512, 192, [511]],
];

function caseOf(
  [cache, width, rows]: (typeof sizes)[number],
  fill: number | ((i: number) => number) = 1,
): CaseOf<typeof cacheWriteOp> {
  const cached = { shape: [cache, width], dtype: 'f16' } as const;
  const written = { shape: [rows.length, width], fill };
  return {
    name: `${rows.length}x${width}, first at ${rows[0] ?? 0} of ${cache}${fill === 1 ? '' : ', any size'}`,
    inputs: {
      ...{ cacheK: cached, cacheV: cached, k: written, v: written },
      rows: { shape: [rows.length], dtype: 'i32', fill: (i) => rows[i] ?? 0 },
    },
    attrs: {},
  };
}

/** From below the smallest f16 to above the largest, both signs; every third number is halfway between two f16. */
const anySize = (i: number) => (i % 2 === 0 ? 1 : -1) * (1 + (i % 3 === 0 ? 2 ** -11 : i / 1000)) * 2 ** ((i % 44) - 26);

export const cacheWriteCases = opCases(cacheWriteOp, {
  shard: 'cache',
  tolerance: 0,
  cases: [...sizes.map((size) => caseOf(size)), caseOf([20, 64, from(2, 16)], anySize)],
});
