import { ropeOp } from '../../../kernels/rope';
import { opCases, type CaseOf } from '../harness';

/** Tokens, heads, head size, rows of the tables, and heads of an optional second tensor. */
const sizes: readonly (readonly [number, number, number, number, number?])[] = [
  [1, 1, 2, 1],
  [1, 1, 4, 2],
  [2, 1, 6, 3],
  [3, 1, 8, 3, 1],
  [5, 3, 8, 7],
  [4, 2, 10, 4, 1],
  [7, 1, 16, 9],
  [9, 5, 16, 16, 2],
  [2, 3, 20, 5],
  [3, 2, 24, 8],
  [8, 1, 32, 64, 3],
  [33, 2, 32, 33],
  [1, 9, 64, 100],
  [17, 3, 64, 20, 1],
  [6, 2, 80, 10],
  [5, 2, 96, 10],
  [3, 4, 128, 12, 2],
  [2, 1, 256, 4],
  [65, 1, 64, 65],
  [300, 9, 64, 512, 3],
  [129, 3, 100, 64, 1],
];

export const ropeCases = opCases(ropeOp, {
  shard: 'block',
  gradient: { inputs: ['x', 'other'] },
  f16: ['17x3+1x64', '300x9+3x64', '300x9+3x64 inverse', '4x2+1x10', '3x2x24 inverse'],
  cases: sizes.flatMap(([tokens, heads, headSize, positions, others = 0]) =>
    [false, true].map((inverse): CaseOf<typeof ropeOp> => ({
      name: `${tokens}x${heads}${others > 0 ? `+${others}` : ''}x${headSize}${inverse ? ' inverse' : ''}`,
      inputs: {
        x: { shape: [tokens, heads * headSize] },
        other: others > 0 ? { shape: [tokens, others * headSize] } : null,
        positions: { shape: [tokens], dtype: 'i32', fill: [0, positions] },
        cos: { shape: [positions, headSize / 2] },
        sin: { shape: [positions, headSize / 2] },
      },
      attrs: { headSize, inverse },
      // The last size has a binding limit of 64 tokens.
      ...(tokens === 129 && { target: { maxBindingBytes: 64 * 4 * heads * headSize } }),
    })),
  ),
});
