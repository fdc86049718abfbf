import type { Layout } from '../../../kernels/gemm';
import { matmulOp, type MatmulAttrs } from '../../../kernels/matmul';
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
  readonly half?: boolean;
  readonly target?: Partial<Target>;
}

const small: readonly Size[] = [
  { M: 1, N: 1, K: 1 },
  { M: 1, N: 64, K: 64 },
  { M: 1, N: 200, K: 132, R: 8, bias: true, addend: true },
  { M: 3, N: 5, K: 7 },
  { M: 5, N: 7, K: 9, R: 3, bias: true, addend: true, half: true },
  { M: 8, N: 8, K: 4, R: 4 },
  { M: 9, N: 1, K: 130, R: 1, bias: true, addend: true, half: true },
  { M: 16, N: 16, K: 16, R: 4, half: true },
  { M: 7, N: 36, K: 129, half: true },
  { M: 13, N: 51, K: 96, R: 3 },
  { M: 17, N: 300, K: 64, R: 64 },
  { M: 64, N: 64, K: 64, R: 8, bias: true },
  { M: 65, N: 68, K: 36, R: 4, addend: true, half: true },
  { M: 33, N: 130, K: 70, R: 5, bias: true, addend: true, half: true },
  { M: 130, N: 20, K: 300 },
];

const large: readonly Size[] = [
  { M: 257, N: 132, K: 64, R: 16, bias: true, addend: true },
  { M: 4, N: 576, K: 1536, R: 16, half: true },
  { M: 128, N: 576, K: 192, R: 16, half: true },
  { M: 520, N: 600, K: 24 },
  { M: 131, N: 190, K: 258, R: 2, bias: true, half: true },
  { M: 64, N: 130, K: 1030, R: 3, bias: true, addend: true },
  { M: 70, N: 96, K: 700, R: 4, bias: true, addend: true },
];

/** Weights over the binding limit, read in several row blocks. */
const blocks: readonly Size[] = [
  { M: 40, N: 200, K: 64, R: 16, bias: true, addend: true, target: { maxBindingBytes: 16384 } },
  { M: 13, N: 51, K: 96, R: 3, bias: true, target: { maxBindingBytes: 13312 } },
  { M: 70, N: 68, K: 256, R: 4, addend: true, half: true, target: { maxBindingBytes: 20000 } },
  { M: 1, N: 512, K: 256, R: 4, bias: true, addend: true, target: { maxBindingBytes: 50000 } },
  { M: 96, N: 64, K: 2048, bias: true, target: { maxBindingBytes: 200_000 } },
];

/** Enough tiles that the largest are taken on a real GPU. */
const tiles: readonly Size[] = [
  { M: 1400, N: 1540, K: 20, R: 4 },
  { M: 700, N: 900, K: 9, half: true },
];

function caseOf(size: Size, layout: Layout, target: Partial<Target>): Case<MatmulAttrs> {
  const { M, N, K, R = 0, bias = false, addend = false, half = false } = size;
  const extras = [
    R > 0 && `+${R}`,
    bias && 'bias',
    addend && 'addend',
    half && 'f16',
    size.target && 'in blocks',
    target === BASE && 'base',
  ].filter((word) => word);
  const adapter = [{ shape: [M, R] }, { shape: layout === 'nt' ? [N, R] : [R, N] }];
  return {
    name: [layout, `${M}x${N}x${K}`, ...extras].join(' '),
    inputs: [
      { shape: [M, K] },
      { shape: layout === 'nt' ? [N, K] : [K, N], dtype: half ? 'f16' : 'f32' },
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
const halves = [...small, ...large].filter(({ half = false }) => half);

/** On the CPU adapter that runs the tests, as it is. */
export const matmulCases: OpCases<MatmulAttrs> = {
  op: matmulOp,
  cases: [...both([...small, ...large, ...blocks], {}), ...alternate(halves, BASE)],
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
  { M: 2, N: 64, K: 32, R: 8, addend: true, half: true },
  { M: 20, N: 33, K: 16, R: 8, addend: true, half: true },
  { M: 16, N: 16, K: 16, R: 16, addend: true },
  { M: 40, N: 24, K: 20, R: 4, bias: true, addend: true },
];

/** Gradients of a, p, q and the addend. */
export const matmulGradientCases: OpCases<MatmulAttrs> = {
  op: matmulOp,
  gradient: { inputs: [0, 2, 3, 5] },
  cases: both(adapted, {}),
};
