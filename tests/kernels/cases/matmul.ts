import type { Layout } from '../../../kernels/lib/gemm';
import { matmulOp } from '../../../kernels/matmul';
import type { DType } from '../../../src/core/dtype';
import type { Target } from '../../../src/gpu/device';
import { opCases, type CaseOf } from '../harness';
import { BASE, REAL } from '../targets';

interface Size {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  /** Rank of the adapter; 0 for none. */
  readonly R?: number;
  readonly bias?: boolean;
  readonly addend?: boolean | 'f16';
  readonly dtype?: DType;
  readonly target?: Partial<Target>;
}

const small: readonly Size[] = [
  { M: 1, N: 1, K: 1 },
  { M: 1, N: 64, K: 64 },
  { M: 1, N: 200, K: 132, R: 8, bias: true, addend: true },
  { M: 3, N: 5, K: 7 },
  { M: 5, N: 7, K: 9, R: 3, bias: true, addend: true, dtype: 'f16' },
  { M: 8, N: 8, K: 4, R: 4 },
  { M: 9, N: 1, K: 130, R: 1, bias: true, addend: true, dtype: 'f16' },
  { M: 16, N: 16, K: 16, R: 4, dtype: 'f16' },
  { M: 7, N: 36, K: 129, dtype: 'f16' },
  { M: 13, N: 51, K: 96, R: 3 },
  { M: 17, N: 300, K: 64, R: 64 },
  { M: 64, N: 64, K: 64, R: 8, bias: true },
  { M: 65, N: 68, K: 36, R: 4, addend: true, dtype: 'f16' },
  { M: 33, N: 130, K: 70, R: 5, bias: true, addend: true, dtype: 'f16' },
  { M: 130, N: 20, K: 300 },
  // DoRA adds an update to frozen weights.
  { M: 3, N: 30, K: 8, addend: 'f16' },
  { M: 61, N: 77, K: 16, bias: true, addend: 'f16' },
];

const large: readonly Size[] = [
  { M: 257, N: 132, K: 64, R: 16, bias: true, addend: true },
  { M: 4, N: 576, K: 1536, R: 16, dtype: 'f16' },
  { M: 128, N: 576, K: 192, R: 16, dtype: 'f16' },
  { M: 520, N: 600, K: 24 },
  { M: 131, N: 190, K: 258, R: 2, bias: true, dtype: 'f16' },
  { M: 64, N: 130, K: 1030, R: 3, bias: true, addend: true },
  { M: 70, N: 96, K: 700, R: 4, bias: true, addend: true },
];

/** Tensors over the binding limit: weights in several row blocks, rows of y in several ranges. */
const blocks: readonly Size[] = [
  { M: 40, N: 200, K: 64, R: 16, bias: true, addend: true, target: { maxBindingBytes: 16384 } },
  { M: 13, N: 51, K: 96, R: 3, bias: true, target: { maxBindingBytes: 13312 } },
  { M: 70, N: 68, K: 256, R: 4, addend: true, dtype: 'f16', target: { maxBindingBytes: 20000 } },
  { M: 1, N: 512, K: 256, R: 4, bias: true, addend: true, target: { maxBindingBytes: 50000 } },
  { M: 12, N: 72, K: 129, target: { maxBindingBytes: 34000 } },
  { M: 96, N: 64, K: 2048, bias: true, target: { maxBindingBytes: 200_000 } },
  { M: 200, N: 20, K: 24, R: 4, bias: true, addend: true, target: { maxBindingBytes: 8192 } },
  { M: 150, N: 96, K: 32, R: 16, addend: true, dtype: 'f16', target: { maxBindingBytes: 6200 } },
];

/** Large enough for the largest tiles of a real GPU. */
const tiles: readonly Size[] = [
  { M: 1400, N: 1540, K: 20, R: 4 },
  { M: 700, N: 900, K: 9, dtype: 'f16' },
];

/** Rows of one block and of several, with short last blocks; odd sizes and multiples of four; with and without adapters. */
const quantised: readonly Size[] = [
  { M: 1, N: 4, K: 4 },
  { M: 3, N: 5, K: 7 },
  { M: 1, N: 200, K: 132, R: 8, bias: true, addend: true },
  { M: 2, N: 64, K: 256, bias: true },
  { M: 7, N: 36, K: 129, R: 2 },
  { M: 20, N: 65, K: 172, R: 4, addend: true },
  { M: 33, N: 130, K: 70, R: 5, bias: true, addend: true },
  { M: 65, N: 68, K: 100, R: 4, addend: true },
  { M: 128, N: 192, K: 576, R: 16, bias: true, addend: true },
  { M: 131, N: 190, K: 258, R: 2, bias: true },
  { M: 70, N: 96, K: 700, R: 4, bias: true, addend: true },
];

/** Quantised weights over the binding limit, of which 256 full-precision rows are within it. */
const quantisedBlocks: readonly (readonly [Layout, Size])[] = [
  ['nt', { M: 4, N: 2100, K: 64, R: 4, bias: true, addend: true, target: { maxBindingBytes: 66_000 } }],
  ['nt', { M: 2, N: 1801, K: 20, R: 2, bias: true, target: { maxBindingBytes: 20_600 } }],
  ['nt', { M: 1, N: 2100, K: 132, R: 4, addend: true, target: { maxBindingBytes: 136_000 } }],
  ['nn', { M: 4, N: 64, K: 2100, R: 16, addend: true, target: { maxBindingBytes: 66_000 } }],
  ['nn', { M: 2, N: 20, K: 1801, R: 2, bias: true, target: { maxBindingBytes: 20_600 } }],
  ['nn', { M: 1, N: 132, K: 2100, R: 4, addend: true, target: { maxBindingBytes: 136_000 } }],
];

function caseOf(size: Size, layout: Layout, target: Partial<Target>): CaseOf<typeof matmulOp> {
  const { M, N, K, R = 0, bias = false, addend = false, dtype = 'f32' } = size;
  const extras = [
    R > 0 && `+${R}`,
    bias && 'bias',
    addend !== false && 'addend',
    addend === 'f16' && 'of weights',
    dtype !== 'f32' && dtype,
    size.target && 'in blocks',
    target.features === BASE.features && 'base',
  ].filter((word) => word);
  const p = { shape: [M, R] };
  const q = { shape: layout === 'nt' ? [N, R] : [R, N] };
  return {
    name: [layout, `${M}x${N}x${K}`, ...extras].join(' '),
    inputs: {
      a: { shape: [M, K] },
      w: { shape: layout === 'nt' ? [N, K] : [K, N], dtype },
      ...(R > 0 ? { p, q } : { p: null, q: null }),
      bias: bias ? { shape: [N] } : null,
      addend: addend === false ? null : { shape: [M, N], dtype: addend === 'f16' ? 'f16' : 'f32' },
    },
    attrs: { layout, scale: 0.7 },
    target: { ...target, ...size.target },
  };
}

/** Each size in one layout, because a CPU adapter compiles shaders with barriers for seconds. */
const alternate = (sizes: readonly Size[], target: Partial<Target>) =>
  sizes.map((size, i) => caseOf(size, i % 2 === 0 ? 'nt' : 'nn', target));

const both = (sizes: readonly Size[], target: Partial<Target>) =>
  sizes.flatMap((size) => [caseOf(size, 'nt', target), caseOf(size, 'nn', target)]);

const typed = (sizes: readonly Size[], dtype: DType) => sizes.map((size) => ({ ...size, dtype }));

/** Weights in f16. */
const f16Weights = [...small, ...large].filter(({ dtype }) => dtype === 'f16');

/** With the tiles of the device that runs the tests, also without optional features. */
export const matmulCases = opCases(matmulOp, {
  shard: 'matmul',
  f16: [
    ...['nt 64x64x64 +8 bias', 'nn 65x68x36 +4 addend f16', 'nn 13x51x96 +3'],
    ...['nt 150x96x32 +16 addend f16 in blocks', 'nn 96x64x2048 bias in blocks', 'nt 200x20x24 +4 bias addend in blocks'],
  ],
  cases: [...both([...small, ...blocks], {}), ...alternate(large, {}), ...alternate(f16Weights, BASE)],
});

/** With the tiles of a real GPU. */
export const matmulTileCases = opCases(matmulOp, {
  shard: 'matmul',
  f16: ['nn 4x576x1536 +16 f16', 'nt 128x576x192 +16 f16', 'nt 70x96x700 +4 bias addend'],
  cases: alternate([...large, ...blocks, ...tiles, ...small], REAL),
});

const adapted: readonly Size[] = [
  ...small.filter(({ R = 0, addend = false }) => R > 0 && addend),
  { M: 1, N: 4, K: 4, R: 1, addend: true },
  { M: 6, N: 12, K: 5, R: 2, addend: true },
  { M: 2, N: 64, K: 32, R: 8, addend: true, dtype: 'f16' },
  { M: 20, N: 33, K: 16, R: 8, addend: true, dtype: 'f16' },
  { M: 16, N: 16, K: 16, R: 16, addend: true },
  { M: 40, N: 24, K: 20, R: 4, bias: true, addend: true },
  { M: 6, N: 40, K: 70, R: 2, addend: true, dtype: 'q4' },
  { M: 20, N: 33, K: 132, R: 8, addend: true, dtype: 'q4' },
  { M: 9, N: 68, K: 100, R: 4, bias: true, addend: true, dtype: 'q8' },
];

export const matmulGradientCases = opCases(matmulOp, {
  shard: 'matmul',
  gradient: { inputs: ['a', 'p', 'q', 'addend'] },
  cases: both(adapted, {}),
});

/** Trained weights: with one element, narrow, and wide enough for the tiles of the matrix product. */
const trained: readonly Size[] = [
  { M: 1, N: 1, K: 1, bias: true },
  { M: 3, N: 5, K: 7, R: 2, bias: true },
  { M: 2, N: 64, K: 32, bias: true, addend: true },
  { M: 40, N: 24, K: 20, R: 4, bias: true, addend: true },
  { M: 33, N: 130, K: 70, R: 5, bias: true, addend: true },
  { M: 70, N: 96, K: 100, bias: true },
  { M: 129, N: 68, K: 72, R: 4, bias: true, addend: true, target: { maxBindingBytes: 20_000 } },
];

export const matmulTrainedCases = opCases(matmulOp, {
  shard: 'matmul',
  gradient: { inputs: ['a', 'w', 'p', 'q', 'bias', 'addend'] },
  cases: [...both(trained, {}), ...alternate(trained.slice(3), REAL)],
});

/** Weights that are stored as [K, N], with everything that is added to the product, in every type. */
const stored: readonly Size[] = [
  { M: 9, N: 132, K: 516, R: 3, bias: true, addend: true },
  { M: 40, N: 67, K: 101, R: 4, bias: true, addend: true },
  { M: 70, N: 96, K: 700, R: 4, bias: true, addend: true },
];

export const matmulStoredCases = opCases(matmulOp, {
  shard: 'matmul',
  cases: (['f32', 'f16', 'q8', 'q4'] as const).flatMap((dtype) =>
    typed(stored, dtype).flatMap((size) => [caseOf(size, 'nn', {}), caseOf(size, 'nn', REAL)]),
  ),
});

/** Few rows, for which the weights are read once: every number of rows, odd sizes, small and large depths, few and many columns, over the binding limit. */
const few: readonly Size[] = [
  { M: 1, N: 1, K: 1 },
  { M: 1, N: 576, K: 576, R: 16, addend: true, dtype: 'f16' },
  { M: 2, N: 37, K: 70, R: 3, bias: true, addend: true, dtype: 'f16' },
  { M: 3, N: 64, K: 1536, R: 16, dtype: 'q4' },
  { M: 4, N: 9, K: 129, R: 2, bias: true, dtype: 'q8' },
  { M: 5, N: 132, K: 516, R: 4, addend: true },
  { M: 6, N: 20, K: 44, R: 6, dtype: 'f16' },
  { M: 7, N: 33, K: 100, R: 5, addend: true, dtype: 'q4' },
  { M: 8, N: 68, K: 640, R: 8, bias: true, addend: true, dtype: 'q8' },
  { M: 8, N: 4100, K: 64, bias: true, dtype: 'f16' },
  { M: 8, N: 51, K: 263, R: 1, dtype: 'f16' },
  { M: 2, N: 4200, K: 72, R: 4, addend: true, dtype: 'q4', target: { maxBindingBytes: 100_000 } },
  { M: 1, N: 512, K: 260, R: 4, bias: true, addend: true, dtype: 'f16', target: { maxBindingBytes: 50_000 } },
];

/** The tile for few rows, with subgroups and without. */
export const matmulFewCases = opCases(matmulOp, {
  shard: 'few',
  f16: ['nt 1x576x576 +16 addend f16', 'nt 3x64x1536 +16 q4'],
  cases: [
    ...few.map((size) => caseOf(size, 'nt', REAL)),
    ...few
      .filter(({ M }) => M !== 6 && M !== 7)
      .slice(0, 7)
      .map((size) => caseOf(size, 'nt', { ...REAL, ...BASE })),
  ],
});

/** The first sizes of `quantised` take one tile at most. */
const ONE_TILE = 5;

/** Quantised weights with the tiles of the device that runs the tests. Larger sizes have one layout in q4 and the other in q8. */
export const matmulQuantisedCases = opCases(matmulOp, {
  shard: 'quantised-matmul',
  f16: ['nt 65x68x100 +4 addend q4', 'nn 1x200x132 +8 bias addend q4'],
  cases: [
    ...both(typed(quantised.slice(0, ONE_TILE), 'q4'), {}),
    ...alternate(typed(quantised.slice(ONE_TILE), 'q4'), {}),
    ...alternate(typed(quantised, 'q8'), {}),
    ...quantisedBlocks.map(([layout, size], i) => caseOf({ ...size, dtype: i % 2 === 0 ? 'q8' : 'q4' }, layout, {})),
  ],
});

/** The same with the tiles of a real GPU. */
export const matmulQuantisedTileCases = opCases(matmulOp, {
  shard: 'quantised-matmul',
  cases: [
    ...alternate(typed(quantised, 'q4'), REAL),
    ...alternate(typed([...quantised.slice(3), { M: 64, N: 130, K: 1030, R: 3, bias: true, addend: true }], 'q8'), REAL),
    ...quantisedBlocks.map(([layout, size], i) => caseOf({ ...size, dtype: i % 2 === 0 ? 'q4' : 'q8' }, layout, REAL)),
  ],
});
