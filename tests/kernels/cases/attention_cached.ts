import { attentionCachedOp } from '../../../kernels/attention_cached';
import { opCases, type CaseOf } from '../harness';
import { BASE } from '../targets';

/** Rows of the cache, new tokens, start, heads, key/value heads, head size, and an optional window and soft cap. */
const sizes: readonly (readonly [number, number, number, number, number, number, number?, number?])[] = [
  [1, 1, 0, 1, 1, 4],
  [2, 1, 1, 1, 1, 8],
  [4, 3, 0, 2, 1, 8],
  [4, 2, 2, 2, 2, 6],
  [16, 1, 0, 4, 2, 16],
  [16, 1, 15, 4, 2, 16],
  [16, 16, 0, 4, 1, 16],
  [33, 7, 20, 3, 3, 20],
  [63, 1, 62, 2, 1, 32],
  [64, 1, 63, 2, 1, 32],
  [65, 1, 64, 2, 1, 32],
  [65, 32, 33, 6, 2, 32],
  [128, 32, 0, 6, 2, 32],
  [128, 32, 96, 6, 2, 32],
  [130, 2, 127, 8, 4, 8],
  [200, 5, 100, 9, 3, 64],
  [256, 1, 255, 9, 3, 64],
  [256, 1, 100, 4, 2, 80],
  [257, 3, 250, 2, 2, 96],
  [100, 2, 64, 2, 1, 128],
  [150, 1, 140, 2, 1, 256],
  [512, 1, 400, 14, 2, 64],
  [64, 1, 10, 2, 1, 32, 1],
  [64, 7, 3, 2, 1, 16, 4],
  [200, 5, 100, 9, 3, 64, 40],
  [300, 3, 250, 2, 2, 96, 128],
  [256, 32, 0, 4, 1, 32, 16],
  [128, 2, 60, 4, 2, 20, 300],
  [64, 3, 30, 2, 1, 8, 0, 0.5],
  [200, 5, 100, 4, 2, 64, 40, 2],
  [130, 2, 127, 2, 1, 6, 0, 50],
];

/** A query's row of the cache and its position in its sequence. */
type Query = readonly [row: number, position: number];

type Heads = readonly [heads: number, kvHeads: number, headSize: number, window?: number, softcap?: number];

function caseOf(
  name: string,
  cache: number,
  queries: readonly Query[],
  [heads, kvHeads, headSize, window = 0, softcap]: Heads,
): CaseOf<typeof attentionCachedOp> {
  const integers = (of: 0 | 1) =>
    ({ shape: [queries.length], dtype: 'i32', fill: (i: number) => queries[i]?.[of] ?? 0 }) as const;
  const cached = { shape: [cache, kvHeads * headSize], dtype: 'f16' } as const;
  return {
    name: `${name}, ${heads}/${kvHeads} heads of ${headSize}${window > 0 ? `, window ${window}` : ''}${softcap ? `, cap ${softcap}` : ''}`,
    inputs: {
      ...{ q: { shape: [queries.length, heads * headSize] }, cacheK: cached, cacheV: cached },
      ...{ rows: integers(0), positions: integers(1) },
    },
    attrs: {
      ...{ heads, kvHeads, headSize, scale: 1 / Math.sqrt(headSize), window, reach: cache },
      ...(softcap !== undefined && { softcap }),
    },
  };
}

/** `count` queries of the sequence whose first row is `first`, from position `start` on. */
const run = (first: number, start: number, count: number) =>
  Array.from({ length: count }, (_, i): Query => [first + start + i, start + i]);

/** A query without a sequence. */
const IDLE: Query = [-1, 0];

/** Several sequences of different lengths in one cache, and queries without a sequence. */
const ragged: readonly (readonly [number, readonly Query[], Heads])[] = [
  [12, [IDLE, [4, 0], [11, 3]], [2, 1, 8]],
  [160, [[5, 5], IDLE, [57, 17], [80, 0], [159, 39]], [4, 2, 16]],
  [
    600,
    [
      [299, 299],
      [300, 0],
      [599, 299],
    ],
    [9, 3, 64, 100],
  ],
  [128, [...run(0, 0, 10), ...run(64, 7, 20), IDLE, IDLE], [4, 1, 32]],
  [256, [...run(64, 60, 3), IDLE, ...run(128, 0, 4)], [2, 2, 96]],
];

export const attentionCachedCases = opCases(attentionCachedOp, {
  shard: 'attention_cached',
  cases: [
    ...sizes.map(([rows, tokens, start, ...heads]) =>
      caseOf(`${tokens} at ${start} of ${rows}`, rows, run(0, start, tokens), heads),
    ),
    ...ragged.map(([cache, queries, heads]) => caseOf(`${queries.length} of several`, cache, queries, heads)),
    ...ragged.slice(1, 3).map(([cache, queries, heads]) => ({
      ...caseOf(`${queries.length} of several, base`, cache, queries, heads),
      target: BASE,
    })),
  ],
});
