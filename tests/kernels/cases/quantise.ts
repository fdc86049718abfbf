import { quantiseOp, type QuantiseAttrs } from '../../../kernels/quantise';
import { opCases, type CaseOf, type Input } from '../harness';

/** Rows and columns, and the binding limit in bytes where the rows must be split. */
type Size = readonly [N: number, K: number, limit?: number];

const sizes: readonly Size[] = [
  [1, 1],
  [2, 3],
  [1, 63],
  [3, 64],
  [5, 65],
  [7, 100],
  [9, 172],
  [64, 192],
  [33, 576],
  [300, 64],
  [257, 132],
  [700, 20],
  [600, 65, 80_000],
  [1100, 24, 60_000],
];

/** Zeros, equal numbers, blocks that are a million times smaller than their neighbours, ties. */
const odd: readonly (readonly [string, (index: number) => number])[] = [
  ['zeros', () => 0],
  ['one number', () => -0.375],
  ['a few numbers', (i) => (i % 97 === 5 ? 2 ** (i % 13) : 0)],
  ['steps', (i) => Math.sin(i) * 10 ** -(Math.floor(i / 64) % 7)],
  ['halves of whole numbers', (i) => ((i % 64 === 0 ? 127 : (i % 255) - 127) + (i % 64 === 0 ? 0 : 0.5)) / 2],
];

function caseOf(dtype: QuantiseAttrs['dtype'], [N, K, limit]: Size, w: Input, name: string): CaseOf<typeof quantiseOp> {
  return {
    name: `${dtype} of ${w.dtype ?? 'f32'} ${N}x${K} ${name}`.trim(),
    inputs: { target: { shape: [N, K], dtype }, w },
    attrs: { dtype },
    ...(limit !== undefined && { target: { maxBindingBytes: limit } }),
  };
}

const types = ['q8', 'q4'] as const;

/** Kernel and twin give the same numbers, to the bit. */
export const quantiseCases = opCases(quantiseOp, {
  shard: 'quantise',
  tolerance: 0,
  cases: types.flatMap((dtype) => [
    ...sizes.map((size) => caseOf(dtype, size, { shape: [size[0], size[1]] }, size[2] === undefined ? '' : 'in blocks')),
    ...sizes.map((size) => caseOf(dtype, size, { shape: [size[0], size[1]], dtype: 'f16', fill: 0.03 }, '')),
    ...odd.map(([name, fill]) => caseOf(dtype, [40, 1000], { shape: [40, 1000], fill }, name)),
  ]),
});
