import { rowNormOp } from '../../../kernels/row_norm';
import { opCases, type CaseOf } from '../harness';
import { REAL } from '../targets';

const sizes: readonly (readonly [number, number])[] = [
  ...([1, 2, 3, 4, 5, 7, 8, 31, 63, 64, 65, 100, 256, 257, 1000] as const).map((width) => [3, width] as const),
  ...([1, 15, 16, 17, 64, 65, 255, 513] as const).map((rows) => [rows, 20] as const),
];

const example = (
  [rows, width]: readonly [number, number],
  rest: Partial<CaseOf<typeof rowNormOp>> = {},
): CaseOf<typeof rowNormOp> => ({
  name: `[${rows},${width}]`,
  // No row of zeros.
  inputs: { x: { shape: [rows, width], fill: (i) => 0.2 + Math.sin(i * i) } },
  attrs: { reciprocal: (rows + width) % 2 === 0 },
  ...rest,
});

export const rowNormCases = opCases(rowNormOp, {
  shard: 'elementwise',
  cases: [
    ...sizes.map((size) => example(size)),
    example([65, 576], { name: '[65,576] on a GPU', target: REAL }),
    example([130, 12], { name: '[130,12] in 4096-byte bindings', target: { maxBindingBytes: 4096 } }),
  ],
});
