import { attentionCachedOp, type CachedAttentionAttrs } from '../../../kernels/attention_cached';
import type { OpCases } from '../harness';

/** Rows of the cache, new tokens, start, heads, key/value heads, head size, and the window if there is one. */
const sizes: readonly (readonly [number, number, number, number, number, number, number?])[] = [
  [1, 1, 0, 1, 1, 4],
  [2, 1, 1, 1, 1, 8],
  [4, 3, 0, 2, 1, 8],
  [4, 2, 2, 2, 2, 5],
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
];

export const attentionCachedCases: OpCases<CachedAttentionAttrs> = {
  op: attentionCachedOp,
  cases: sizes.map(([rows, tokens, start, heads, kvHeads, headSize, window = 0]) => ({
    name: `${tokens} at ${start} of ${rows}, ${heads}/${kvHeads} heads of ${headSize}${window > 0 ? `, window ${window}` : ''}`,
    inputs: [
      { shape: [tokens, heads * headSize] },
      { shape: [rows, kvHeads * headSize] },
      { shape: [rows, kvHeads * headSize] },
      { shape: [1], dtype: 'i32', fill: () => start },
    ],
    attrs: { heads, kvHeads, headSize, scale: 1 / Math.sqrt(headSize), window },
  })),
};
