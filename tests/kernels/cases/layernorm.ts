import { layernormBackwardOp, layernormOp } from '../../../kernels/layernorm';
import { normWeightBackwardOp } from '../../../kernels/norm_weight_backward';
import { opCases, type CaseOf, type Input } from '../harness';
import { BASE, REAL } from '../targets';

/** Rows, runs per row, elements per run. */
type Size = readonly [rows: number, groups: number, width: number];

const sizes: readonly Size[] = [
  [1, 1, 1],
  [1, 1, 2],
  [2, 1, 3],
  [1, 1, 4],
  [3, 1, 5],
  [7, 1, 8],
  [5, 3, 4],
  [1, 9, 16],
  [4, 2, 20],
  [9, 1, 33],
  [3, 5, 64],
  [2, 1, 65],
  [17, 1, 96],
  [2, 4, 128],
  [5, 1, 255],
  [33, 1, 256],
  [1, 1, 257],
  [3, 1, 768],
  [65, 1, 64],
  [130, 3, 24],
  [1, 1, 4096],
];

/** With a binding limit of 64 runs. */
const cut: readonly Size[] = [
  [200, 1, 5],
  [50, 3, 8],
  [130, 2, 12],
];

/** Without optional features. */
const base: readonly Size[] = [
  [1, 1, 7],
  [5, 2, 12],
  [2, 1, 130],
  [4, 1, 768],
];

const all = [...sizes, ...cut, ...base];

const name = ([rows, groups, width]: Size) => `${rows}x${groups}x${width}`;

function target(size: Size) {
  if (base.includes(size)) return { target: BASE };
  return cut.includes(size) ? { target: { maxBindingBytes: 64 * 4 * size[2] } } : {};
}

/** A few runs have a mean that is large next to their deviation. */
const inputOf = ([rows, groups, width]: Size): Input => ({
  shape: [rows, groups * width],
  fill: (i) => (Math.floor(i / width) % 3 === 1 ? 20 : 0.1) + 2 * Math.sin(i * i + width),
});

export const layernormCases = opCases(layernormOp, {
  shard: 'block',
  gradient: { inputs: ['x', 'weight', 'bias'], outputs: ['y'] },
  f16: ['17x1x96', '3x5x64', '50x3x8', '2x4x128'],
  cases: all.map((size, i) => ({
    ...target(size),
    name: name(size),
    inputs: { x: inputOf(size), weight: { shape: [size[2]] }, bias: { shape: [size[2]] } },
    // The gradient of a run of two elements is almost 0 without a large eps.
    attrs: { eps: [0.1, 1e-5, 1e-6][i % 3] ?? 0 },
  })),
});

export const layernormPlainCases = opCases(layernormOp, {
  shard: 'block',
  gradient: { inputs: ['x', 'weight'], outputs: ['y'] },
  cases: [sizes[4], sizes[6], sizes[11], cut[1], base[1]].flatMap((size) =>
    size === undefined
      ? []
      : {
          ...target(size),
          name: `${name(size)} without a bias`,
          inputs: { x: inputOf(size), weight: { shape: [size[2]] }, bias: null },
          attrs: { eps: 0.01 },
        },
  ),
});

export const layernormBackwardCases = opCases(layernormBackwardOp, {
  shard: 'block',
  f16: ['17x1x96 + addend', '50x3x8 + addend', '2x4x128'],
  cases: all.map((size, i) => {
    const [rows, groups, width] = size;
    const [wide, runs] = [{ shape: [rows, groups * width] }, { shape: [rows * groups] }];
    const inputs = { x: wide, weight: { shape: [width] }, mean: runs, rstd: runs, dy: wide };
    const alone = { ...target(size), name: name(size), inputs: { ...inputs, addend: null }, attrs: {} };
    return i % 2 === 0 ? { ...alone, name: `${name(size)} + addend`, inputs: { ...inputs, addend: wide } } : alone;
  }),
});

/** A root-mean-square norm, a layer norm without a bias, and one with a bias. */
function normWeightCase(size: Size, i: number): CaseOf<typeof normWeightBackwardOp> {
  const [rows, groups, width] = size;
  const [wide, runs] = [{ shape: [rows, groups * width] }, { shape: [rows * groups] }];
  const [kind, mean, bias] = (
    [
      ['', null, false],
      [' centred', runs, false],
      [' with bias', runs, true],
    ] as const
  )[i % 3] ?? ['', null, false];
  return {
    ...target(size),
    name: `${name(size)}${kind}`,
    inputs: { dy: wide, x: inputOf(size), rstd: runs, mean },
    attrs: { width, bias },
  };
}

export const normWeightBackwardCases = opCases(normWeightBackwardOp, {
  shard: 'block',
  f16: ['17x1x96', '3x5x64 centred', '130x2x12 with bias'],
  cases: [
    ...all.map(normWeightCase),
    ...all.slice(16, 22).map((size, i) => {
      const test = normWeightCase(size, i);
      return { ...test, name: `${test.name} on a GPU`, target: REAL };
    }),
  ],
});
