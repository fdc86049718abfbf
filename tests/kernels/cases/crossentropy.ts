import { crossentropyOp, type CrossentropyAttrs } from '../../../kernels/crossentropy';
import type { Target } from '../../../src/gpu/device';
import type { Case, OpCases } from '../harness';
import { BASE, REAL } from '../targets';

/** Tokens, width, vocabulary; a small binding limit cuts tokens into chunks and the head into row blocks. */
type Size = readonly [M: number, C: number, V: number, limit?: number];

const sizes: readonly Size[] = [
  [1, 4, 8],
  [2, 1, 2],
  [3, 5, 7],
  [7, 8, 33],
  [16, 12, 64],
  [65, 64, 100],
  [64, 32, 257],
  [130, 32, 515],
  [33, 20, 2048],
  [200, 36, 1000, 300_000],
  [129, 24, 300, 90_000],
  [70, 16, 2000, 600_000],
  [20, 64, 1200, 300_000],
];

function caseOf([M, C, V, limit]: Size, half: boolean, training: boolean, target: Partial<Target>): Case<CrossentropyAttrs> {
  const words = [
    half && 'f16',
    training && 'training',
    limit !== undefined && 'in blocks',
    target === REAL && 'tiled',
    target === BASE && 'base',
  ];
  return {
    name: [`${M}x${C}x${V}`, ...words.filter((word) => word)].join(' '),
    inputs: [
      { shape: [M, C] },
      { shape: [V, C], dtype: half ? 'f16' : 'f32', fill: 0.5 },
      // Every third token has no label.
      { shape: [M], dtype: 'i32', fill: (i) => (i % 3 === 1 ? -1 : (i * 7919) % V) },
      { shape: [M], fill: (i) => 1 / (1 + (i % 5)) },
    ],
    attrs: { training },
    target: { ...target, ...(limit !== undefined && { maxBindingBytes: limit }) },
  };
}

export const crossentropyCases: OpCases<CrossentropyAttrs> = {
  op: crossentropyOp,
  gradient: { inputs: [0], outputs: [0], step: 0.01 },
  cases: sizes.flatMap((size) => [caseOf(size, false, true, {}), caseOf(size, true, true, {})]),
};

/** Without training, without optional features, and as a real GPU cuts the products (shaders with barriers take a CPU adapter seconds to compile). */
export const crossentropyVariantCases: OpCases<CrossentropyAttrs> = {
  op: crossentropyOp,
  cases: [
    ...sizes.map((size, i) => caseOf(size, i % 2 === 1, false, {})),
    ...sizes.slice(5).map((size, i) => caseOf(size, i % 2 === 0, true, REAL)),
    ...sizes.slice(0, 6).map((size, i) => caseOf(size, i % 2 === 0, true, BASE)),
  ],
};
