import { lowrankOp, lowrankSumOp, type LowrankAttrs } from '../../../kernels/lowrank';
import type { Target } from '../../../src/gpu/device';
import { opCases, type CaseOf } from '../harness';
import { REAL } from '../targets';

/** Rows and columns of the result, and the depth. */
type Size = readonly [M: number, N: number, K: number];

const sizes: readonly Size[] = [
  [1, 1, 1],
  [16, 576, 64],
  [16, 24, 512],
  [64, 16, 100],
  [576, 16, 130],
  [5, 7, 3],
  [7, 33, 65],
  [9, 70, 256],
  [300, 8, 256],
  [2, 130, 17],
  [128, 128, 64],
  [1, 16, 300],
  [33, 4, 700],
  [256, 256, 40],
];

const layouts = ['nt', 'nn', 'tn'] as const;

/** Sums over tokens of two wide matrices, whose kernel is the matrix product; the depth of some is split on a GPU. */
const wide: readonly Size[] = [
  [65, 65, 1],
  [66, 90, 130],
  [72, 96, 36],
  [100, 68, 1100],
  [129, 67, 33],
];

function caseOf([M, N, K]: Size, layout: LowrankAttrs['layout'], target: Partial<Target>): CaseOf<typeof lowrankOp> {
  const a = { shape: layout === 'tn' ? [K, M] : [M, K] };
  const b = { shape: layout === 'nt' ? [N, K] : [K, N] };
  return { name: `${layout} ${M}x${N}x${K}`, inputs: { a, b }, attrs: { layout, scale: 1.3 }, target };
}

/** More tokens than one binding holds. */
const SMALL: Partial<Target> = { maxBindingBytes: 8192 };
const cut = [
  ...[caseOf([16, 24, 300], 'tn', SMALL), caseOf([9, 31, 150], 'tn', SMALL), caseOf([300, 8, 24], 'nt', SMALL)],
  ...[caseOf([200, 100, 300], 'tn', { maxBindingBytes: 60_000 }), caseOf([131, 67, 90], 'tn', { maxBindingBytes: 36_000 })],
  // The result of a block of the transposed matrix exceeds a binding as well.
  caseOf([200, 600, 100], 'tn', { maxBindingBytes: 52_000 }),
].map((each) => ({ ...each, name: `${each.name} in parts` }));

export const lowrankCases = opCases(lowrankOp, {
  shard: 'lowrank',
  gradient: { inputs: ['a', 'b'] },
  f16: [
    'nt 16x576x64',
    'nn 16x576x64',
    'nn 576x16x130',
    'tn 16x576x64',
    'tn 16x24x300 in parts',
    'tn 72x96x36',
    'tn 200x100x300 in parts',
  ],
  cases: [
    ...sizes.flatMap((size) => layouts.map((layout) => caseOf(size, layout, {}))),
    ...wide.map((size) => caseOf(size, 'tn', {})),
    ...cut,
  ],
});

export const lowrankSumCases = opCases(lowrankSumOp, {
  shard: 'lowrank',
  f16: ['16x576x64', '16x24x512, cut otherwise'],
  cases: [
    ...[...sizes, ...wide].map((size) => [size, {}] as const),
    ...[...sizes, ...wide].map((size) => [size, REAL] as const),
    [[9, 31, 150], SMALL] as const,
    [[200, 100, 300], { maxBindingBytes: 60_000 }] as const,
  ].map(([[M, N, K], target], i) => ({
    name: `${M}x${N}x${K}${i >= sizes.length + wide.length ? ', cut otherwise' : ''}`,
    inputs: { a: { shape: [K, M] }, b: { shape: [K, N] }, state: { shape: [M, N] } },
    attrs: { scale: 1.3 },
    target,
  })),
});

/** With the tiles of a real GPU; tn sums over tokens in two stages. */
export const lowrankTileCases = opCases(lowrankOp, {
  shard: 'lowrank',
  cases: [
    ...[...sizes, ...wide].map((size) => caseOf(size, 'tn', REAL)),
    ...sizes.slice(0, 8).map((size, i) => caseOf(size, i % 2 === 0 ? 'nt' : 'nn', REAL)),
  ],
});
