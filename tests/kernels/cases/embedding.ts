import { embeddingOp } from '../../../kernels/embedding';
import { opCases, type CaseOf } from '../harness';

/** Rows and columns of the table, ids, and the binding limit in bytes where the table must be split. */
const sizes: readonly (readonly [V: number, C: number, M: number, limit?: number])[] = [
  [1, 1, 1],
  [2, 3, 1],
  [5, 3, 7],
  [7, 4, 5],
  [16, 8, 64],
  [49, 7, 64],
  [100, 64, 33],
  [300, 36, 257],
  [512, 64, 512],
  [1000, 576, 10],
  [1000, 36, 100, 20000],
  [333, 51, 90, 30000],
  [30, 8, 300, 4096],
];

const casesOf = (dtype: 'f32' | 'f16') =>
  sizes.map(([V, C, M, limit]): CaseOf<typeof embeddingOp> => ({
    name: `${dtype} ${V}x${C}, ${M} ids${limit === undefined ? '' : ' in blocks'}`,
    inputs: { table: { shape: [V, C], dtype }, ids: { shape: [M], dtype: 'i32', fill: [-1, V] } },
    attrs: {},
    ...(limit !== undefined && { target: { maxBindingBytes: limit } }),
  }));

const vectorCase = (V: number, M: number): CaseOf<typeof embeddingOp> => ({
  name: `a vector of ${V}, ${M} ids`,
  inputs: { table: { shape: [V] }, ids: { shape: [M], dtype: 'i32', fill: [-1, V] } },
  attrs: {},
});

export const embeddingCases = opCases(embeddingOp, {
  shard: 'head',
  tolerance: 0,
  cases: casesOf('f16'),
});

/** Only f32 tables are trained. The kernel and the twin of the gradient, segment_sum, add in different orders. */
export const embeddingGradientCases = opCases(embeddingOp, {
  shard: 'head',
  gradient: { inputs: ['table'] },
  cases: [...casesOf('f32'), vectorCase(12, 300), vectorCase(3, 7)],
});
