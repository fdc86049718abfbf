import { accumulateOp } from '../../../kernels/accumulate';
import { adamwOp } from '../../../kernels/adamw';
import { gradnormOp } from '../../../kernels/gradnorm';
import type { Case, OpCases } from '../harness';
import { BASE } from '../targets';

const sizes = [1, 2, 3, 4, 5, 7, 8, 63, 64, 65, 100, 255, 256, 257, 1000, 1023, 1024, 1025, 4096, 4099];

/** Spans of 256 elements. */
const cut = { target: { maxBindingBytes: 1024 } };

export const accumulateCases: OpCases = {
  op: accumulateOp,
  cases: [...[...sizes, 50_001].map((size) => [size]), [3, 5], [17, 64], [1001], [1020]].map((shape, i) => ({
    ...(i > 22 && cut),
    name: `[${shape.join()}]`,
    inputs: [{ shape }, { shape }],
    attrs: {},
  })),
};

const gradients: readonly Case[] = [
  ...sizes,
  8192,
  8193,
  32_768,
  100_003,
  1_500_000,
  5_000_001,
  1001,
  100_000,
  3,
  999,
  20_000,
].map((size, i) => ({
  ...(i > 27 ? { target: BASE } : i > 25 && cut),
  name: `[${size}]${i > 27 ? ' base' : ''}`,
  inputs: [{ shape: [size], fill: [1, 1e-6, 1e6][i % 3] ?? 1 }],
  attrs: {},
}));

/** What the gradients of a step were multiplied by. */
const scales = [1, 2 ** 16, 2 ** 24];

function scaledBy(scale: number, { inputs, ...rest }: Case): Case {
  return { ...rest, name: `${rest.name} scale ${scale}`, inputs: [...inputs, { shape: [1], fill: () => scale }] };
}

export const gradnormCases: OpCases = {
  op: gradnormOp,
  tolerance: 2e-6,
  cases: [
    ...gradients,
    ...gradients.filter((_, i) => i % 3 === 1).map((each, i) => scaledBy(scales[i % scales.length] ?? 1, each)),
  ],
};

/** Learning rates are large, so that an error in the step is one in the parameter. */
const settings = [
  { rate: 0.5, decay: 0, step: 1, limit: 0, norm: 3 },
  { rate: 1, decay: 0.1, step: 1, limit: 1, norm: 10 },
  { rate: 0.3, decay: 0.01, step: 10, limit: 1, norm: 0.5 },
  { rate: 2, decay: 0.5, step: 1000, limit: 0.1, norm: 0 },
  { rate: 1, decay: 0.1, step: 3, limit: 1, norm: Infinity },
  { rate: 1, decay: 0.1, step: 3, limit: 0, norm: NaN },
  { rate: 0.2, decay: 0.01, step: 2, limit: 100, norm: 3e38 },
];

function adamwCase(size: number, index: number, scale = 1): Case {
  const { rate, decay, step, limit, norm } = settings[index % settings.length] ?? {
    rate: 0,
    decay: 0,
    step: 1,
    limit: 0,
    norm: 0,
  };
  const hyper = [rate, 0.9, 0.999, 1e-8, decay, 1 - 0.9 ** step, 1 - 0.999 ** step, limit];
  const flat = { shape: [size] };
  // A norm that is not finite comes with a gradient that is not.
  const bad = Number.isFinite(norm) ? { fill: scale } : { fill: (i: number) => [NaN, 1, Infinity, -Infinity][i % 4] ?? 0 };
  return {
    name: `[${size}] step ${step}, norm ${norm}, limit ${limit}`,
    inputs: [
      flat,
      { ...flat, ...bad },
      flat,
      { ...flat, fill: (i) => 0.01 + (i % 13) },
      { shape: [8], fill: (i) => hyper[i] ?? 0 },
      { shape: [1], fill: () => norm },
    ],
    attrs: {},
  };
}

function scaledAdamwCase(size: number, index: number): Case {
  const scale = scales[index % scales.length] ?? 1;
  return scaledBy(scale, adamwCase(size, index, scale));
}

export const adamwCases: OpCases = {
  op: adamwOp,
  cases: [
    ...[...sizes, 50_001, 70_004].map((size, i) => adamwCase(size, i)),
    ...[1001, 1020].map((size) => ({ ...adamwCase(size, 2), ...cut })),
    ...[...sizes, 50_001, 70_004].map(scaledAdamwCase),
    ...[1001, 1020].map((size, i) => ({ ...scaledAdamwCase(size, i), ...cut })),
  ],
};
