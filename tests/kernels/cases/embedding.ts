import { embeddingOp } from '../../../kernels/embedding';
import type { Case, OpCases } from '../harness';

/** Rows and columns of the table, ids, and the bytes of a binding when the table is to be cut. */
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

const tableOf = (half: boolean) =>
  sizes.map(([V, C, M, limit]): Case => {
    const dtype = half ? 'f16' : 'f32';
    return {
      name: `${dtype} ${V}x${C}, ${M} ids${limit === undefined ? '' : ' in blocks'}`,
      inputs: [
        { shape: [V, C], dtype },
        { shape: [M], dtype: 'i32', fill: [0, V] },
      ],
      attrs: {},
      ...(limit !== undefined && { target: { maxBindingBytes: limit } }),
    };
  });

export const embeddingCases: OpCases = { op: embeddingOp, tolerance: 0, cases: [...tableOf(false), ...tableOf(true)] };
