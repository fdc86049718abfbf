import { accumulateOp } from '../../../kernels/accumulate';
import { adamwOp } from '../../../kernels/adamw';
import { gradnormOp } from '../../../kernels/gradnorm';
import { opCases, type CaseOf } from '../harness';

type GradnormCase = CaseOf<typeof gradnormOp>;
type AdamwCase = CaseOf<typeof adamwOp>;
import { BASE } from '../targets';

const sizes = [1, 2, 3, 4, 5, 7, 8, 63, 64, 65, 100, 255, 256, 257, 1000, 1023, 1024, 1025, 4096, 4099];

/** Several dispatches of 256 elements. */
const cut = { target: { maxBindingBytes: 1024 } };

const accumulateCase = (shape: readonly number[], scaled: boolean): CaseOf<typeof accumulateOp> => ({
  name: `[${shape.join()}]${scaled ? ' scaled' : ''}`,
  inputs: { state: { shape }, x: { shape }, factor: scaled ? { shape: [1] } : null },
  attrs: {},
});

const accumulated = [...[...sizes, 50_001].map((size) => [size]), [3, 5], [17, 64]];

export const accumulateCases = opCases(accumulateOp, {
  shard: 'optimizer',
  cases: [false, true].flatMap((scaled) => [
    ...accumulated.map((shape) => accumulateCase(shape, scaled)),
    ...[[1001], [1020]].map((shape) => ({ ...accumulateCase(shape, scaled), ...cut })),
  ]),
});

const gradients: readonly GradnormCase[] = [
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
  inputs: { g: { shape: [size], fill: [1, 1e-6, 1e6][i % 3] ?? 1 }, scale: null },
  attrs: {},
}));

/** Loss scales. */
const scales = [1, 2 ** 16, 2 ** 24];
const scaleInput = (scale: number) => ({ shape: [1], fill: () => scale });

function scaledGradnormCase({ inputs, ...rest }: GradnormCase, i: number): GradnormCase {
  const scale = scales[i % scales.length] ?? 1;
  return { ...rest, name: `${rest.name} scale ${scale}`, inputs: { ...inputs, scale: scaleInput(scale) } };
}

export const gradnormCases = opCases(gradnormOp, {
  shard: 'optimizer',
  tolerance: 2e-6,
  cases: [...gradients, ...gradients.filter((_, i) => i % 3 === 1).map(scaledGradnormCase)],
});

/** Large learning rates, so that an error of the update is visible in the parameter. */
const settings = [
  { rate: 0.5, decay: 0, step: 1, limit: 0, norm: 3 },
  { rate: 1, decay: 0.1, step: 1, limit: 1, norm: 10 },
  { rate: 0.3, decay: 0.01, step: 10, limit: 1, norm: 0.5 },
  { rate: 2, decay: 0.5, step: 1000, limit: 0.1, norm: 0 },
  { rate: 1, decay: 0.1, step: 3, limit: 1, norm: Infinity },
  { rate: 1, decay: 0.1, step: 3, limit: 0, norm: NaN },
  { rate: 0.2, decay: 0.01, step: 2, limit: 100, norm: 3e38 },
];

function adamwCase(size: number, index: number, scale: number | null = null): AdamwCase {
  const { rate, decay, step, limit, norm } = settings[index % settings.length] ?? {
    rate: 0,
    decay: 0,
    step: 1,
    limit: 0,
    norm: 0,
  };
  const hyper = [rate, 0.9, 0.999, 1e-8, decay, 1 - 0.9 ** step, 1 - 0.999 ** step, limit];
  const flat = { shape: [size] };
  // A norm that is not finite has a gradient that is not finite.
  const fill = Number.isFinite(norm) ? { fill: scale ?? 1 } : { fill: (i: number) => [NaN, 1, Infinity, -Infinity][i % 4] ?? 0 };
  return {
    name: `[${size}] step ${step}, norm ${norm}, limit ${limit}${scale === null ? '' : ` scale ${scale}`}`,
    inputs: {
      param: flat,
      grad: { ...flat, ...fill },
      m: flat,
      v: { ...flat, fill: (i) => 0.01 + (i % 13) },
      hyper: { shape: [8], fill: (i) => hyper[i] ?? 0 },
      norm: { shape: [1], fill: () => norm },
      scale: scale === null ? null : scaleInput(scale),
    },
    attrs: { starts: [] },
  };
}

/** Each group has its own rate and decay. */
function groupedCase(size: number, starts: readonly number[], index: number): AdamwCase {
  const one = adamwCase(size, index);
  const hyper = [0, ...starts].flatMap((_, g) => [0.01 * (g + 1), 0.9, 0.999, 1e-8, 0.1 * g, 0.19, 0.002, 1]);
  const inputs = { ...one.inputs, hyper: { shape: [hyper.length], fill: (i: number) => hyper[i] ?? 0 } };
  return { ...one, name: `[${size}] groups from ${starts.join()}`, inputs, attrs: { starts } };
}

const scaledAdamwCase = (size: number, index: number) => adamwCase(size, index, scales[index % scales.length] ?? 1);

export const adamwCases = opCases(adamwOp, {
  shard: 'optimizer',
  cases: [
    ...[...sizes, 50_001, 70_004].map((size, i) => adamwCase(size, i)),
    ...[1001, 1020].map((size) => ({ ...adamwCase(size, 2), ...cut })),
    ...[...sizes, 50_001, 70_004].map(scaledAdamwCase),
    ...[1001, 1020].map((size, i) => ({ ...scaledAdamwCase(size, i), ...cut })),
    ...[[4], [64], [64, 128, 192], [256], [996]].map((starts, i) => groupedCase(1000, starts, i)),
    groupedCase(1001, [64, 512], 0),
    { ...groupedCase(1020, [64, 256, 260, 512], 0), ...cut },
    { ...groupedCase(1001, [64, 256, 260, 512], 0), ...cut },
  ],
});
