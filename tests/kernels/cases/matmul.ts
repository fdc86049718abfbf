import type { Layout } from '../../../kernels/lib/gemm';
import { matmulOp, type MatmulAttrs } from '../../../kernels/matmul';
import type { DType } from '../../../src/core/dtype';
import type { Target } from '../../../src/gpu/device';
import type { Case, OpCases } from '../harness';
import { BASE, REAL } from '../targets';

interface Size {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  /** Rank of the adapter; 0 for none. */
  readonly R?: number;
  readonly bias?: boolean;
  readonly addend?: boolean;
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

/** Tensors over the binding limit: weights are read in several row blocks, the rows of y made in several parts. */
const blocks: readonly Size[] = [
  { M: 40, N: 200, K: 64, R: 16, bias: true, addend: true, target: { maxBindingBytes: 16384 } },
  { M: 13, N: 51, K: 96, R: 3, bias: true, target: { maxBindingBytes: 13312 } },
  { M: 70, N: 68, K: 256, R: 4, addend: true, dtype: 'f16', target: { maxBindingBytes: 20000 } },
  { M: 1, N: 512, K: 256, R: 4, bias: true, addend: true, target: { maxBindingBytes: 50000 } },
  { M: 96, N: 64, K: 2048, bias: true, target: { maxBindingBytes: 200_000 } },
  { M: 200, N: 20, K: 24, R: 4, bias: true, addend: true, target: { maxBindingBytes: 8192 } },
  { M: 150, N: 96, K: 32, R: 16, addend: true, dtype: 'f16', target: { maxBindingBytes: 6200 } },
];

/** Enough tiles that the largest are taken on a real GPU. */
const tiles: readonly Size[] = [
  { M: 1400, N: 1540, K: 20, R: 4 },
  { M: 700, N: 900, K: 9, dtype: 'f16' },
];

/** Rows of one block and of several, with short last ones; every size odd, or all whole vec4s; with and without adapters. */
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

/** Quantised weights over the binding limit; 256 rows of what they are quantised from are within it. */
const quantisedBlocks: readonly (readonly [Layout, Size])[] = [
  ['nt', { M: 4, N: 2100, K: 64, R: 4, bias: true, addend: true, target: { maxBindingBytes: 66_000 } }],
  ['nt', { M: 2, N: 1801, K: 20, R: 2, bias: true, target: { maxBindingBytes: 20_600 } }],
  ['nt', { M: 1, N: 2100, K: 132, R: 4, addend: true, target: { maxBindingBytes: 136_000 } }],
  ['nn', { M: 4, N: 64, K: 2100, R: 16, addend: true, target: { maxBindingBytes: 66_000 } }],
  ['nn', { M: 2, N: 20, K: 1801, R: 2, bias: true, target: { maxBindingBytes: 20_600 } }],
  ['nn', { M: 1, N: 132, K: 2100, R: 4, addend: true, target: { maxBindingBytes: 136_000 } }],
];

function caseOf(size: Size, layout: Layout, target: Partial<Target>): Case<MatmulAttrs> {
  const { M, N, K, R = 0, bias = false, addend = false, dtype = 'f32' } = size;
  const extras = [
    R > 0 && `+${R}`,
    bias && 'bias',
    addend && 'addend',
    dtype !== 'f32' && dtype,
    size.target && 'in blocks',
    target.features === BASE.features && 'base',
  ].filter((word) => word);
  const adapter = [{ shape: [M, R] }, { shape: layout === 'nt' ? [N, R] : [R, N] }];
  return {
    name: [layout, `${M}x${N}x${K}`, ...extras].join(' '),
    inputs: [
      { shape: [M, K] },
      { shape: layout === 'nt' ? [N, K] : [K, N], dtype },
      ...(R > 0 ? adapter : [null, null]),
      bias ? { shape: [N] } : null,
      addend ? { shape: [M, N] } : null,
    ],
    attrs: { layout, scale: 0.7 },
    target: { ...target, ...size.target },
  };
}

/** Each size in one layout: shaders with barriers take a CPU adapter seconds to compile. */
const alternate = (sizes: readonly Size[], target: Partial<Target>) =>
  sizes.map((size, i) => caseOf(size, i % 2 === 0 ? 'nt' : 'nn', target));

const both = (sizes: readonly Size[], target: Partial<Target>) =>
  sizes.flatMap((size) => [caseOf(size, 'nt', target), caseOf(size, 'nn', target)]);

/** Weights in f16 on a device that may not have `shader-f16`. */
const halves = [...small, ...large].filter(({ dtype }) => dtype === 'f16');

/** On the CPU adapter that runs the tests, as it is. */
export const matmulCases: OpCases<MatmulAttrs> = {
  op: matmulOp,
  cases: [...both([...small, ...blocks], {}), ...alternate(large, {}), ...alternate(halves, BASE)],
};

/** The same device, with the tiles that a real GPU gets. */
export const matmulTileCases: OpCases<MatmulAttrs> = {
  op: matmulOp,
  cases: alternate([...large, ...blocks, ...tiles, ...small], REAL),
};

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

/** Gradients of a, p, q and the addend. */
export const matmulGradientCases: OpCases<MatmulAttrs> = {
  op: matmulOp,
  gradient: { inputs: [0, 2, 3, 5] },
  cases: both(adapted, {}),
};

/** One reading of the weights for all rows: every number of rows, odd sizes, shallow and deep, few columns and many, over a binding. */
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

/** As a GPU makes few rows, with its subgroups and without. */
export const matmulFewCases: OpCases<MatmulAttrs> = {
  op: matmulOp,
  cases: [
    ...few.map((size) => caseOf(size, 'nt', REAL)),
    ...few
      .filter(({ M }) => M !== 6 && M !== 7)
      .slice(0, 7)
      .map((size) => caseOf(size, 'nt', { ...REAL, ...BASE })),
  ],
};

const typed = (sizes: readonly Size[], dtype: DType) => sizes.map((size) => ({ ...size, dtype }));

/** Sizes of one tile at most, in the order of `quantised`. */
const ONE_TILE = 5;

/** Quantised weights, dequantised inside the tile, on the CPU adapter as it is. Larger sizes take one layout in 4 bits, the other in 8. */
export const matmulQuantisedCases: OpCases<MatmulAttrs> = {
  op: matmulOp,
  cases: [
    ...both(typed(quantised.slice(0, ONE_TILE), 'q4'), {}),
    ...alternate(typed(quantised.slice(ONE_TILE), 'q4'), {}),
    ...alternate(typed(quantised, 'q8'), {}),
    ...quantisedBlocks.map(([layout, size], i) => caseOf({ ...size, dtype: i % 2 === 0 ? 'q8' : 'q4' }, layout, {})),
  ],
};

/** The same through workgroup memory, with depths shared and in spans. */
export const matmulQuantisedTileCases: OpCases<MatmulAttrs> = {
  op: matmulOp,
  cases: [
    ...alternate(typed(quantised, 'q4'), REAL),
    ...alternate(typed([...quantised.slice(3), { M: 64, N: 130, K: 1030, R: 3, bias: true, addend: true }], 'q8'), REAL),
    ...quantisedBlocks.map(([layout, size], i) => caseOf({ ...size, dtype: i % 2 === 0 ? 'q4' : 'q8' }, layout, REAL)),
  ],
};
