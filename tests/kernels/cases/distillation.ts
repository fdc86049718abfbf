import { distillationOp, type DistillationAttrs } from '../../../kernels/distillation';
import type { Target } from '../../../src/gpu/device';
import { opCases, type CaseOf } from '../harness';
import { BASE, REAL } from '../targets';

/** Tokens, width, width of the teacher, vocabulary; a small binding limit splits the tokens into chunks and the heads into row blocks. */
type Size = readonly [M: number, C: number, teacher: number, V: number, limit?: number];

const sizes: readonly Size[] = [
  [1, 4, 4, 8],
  [2, 1, 3, 2],
  [3, 5, 4, 7],
  [7, 8, 12, 33],
  [16, 12, 20, 64],
  [65, 64, 48, 100],
  [64, 32, 32, 257],
  [130, 32, 40, 515],
  [33, 20, 28, 2048],
  [200, 36, 24, 1000, 300_000],
  [129, 24, 32, 300, 90_000],
  [70, 16, 24, 2000, 600_000],
  [20, 64, 80, 1200, 400_000],
];

interface Options {
  readonly f16?: boolean;
  readonly attrs: DistillationAttrs;
  readonly target?: Partial<Target>;
}

function caseOf(size: Size, { f16 = false, attrs, target = {} }: Options): CaseOf<typeof distillationOp> {
  const [M, C, teacher, V, limit] = size;
  const words = [
    f16 && 'f16',
    attrs.training && 'training',
    attrs.trainHead && 'head',
    `T ${attrs.temperature}`,
    attrs.softcap !== undefined && `cap ${attrs.softcap}`,
    attrs.teacherSoftcap !== undefined && `teacher's ${attrs.teacherSoftcap}`,
    limit !== undefined && 'in blocks',
    target === REAL && 'tiled',
    target === BASE && 'base',
  ];
  return {
    name: [`${M}x${C},${teacher}x${V}`, ...words.filter((word) => word)].join(' '),
    inputs: {
      hidden: { shape: [M, C] },
      head: { shape: [V, C], dtype: f16 ? 'f16' : 'f32', fill: 0.5 },
      teacherHidden: { shape: [M, teacher] },
      teacherHead: { shape: [V, teacher], dtype: f16 ? 'f16' : 'f32', fill: 0.5 },
      // Every third token has no label.
      labels: { shape: [M], dtype: 'i32', fill: (i) => (i % 3 === 1 ? -1 : i % V) },
      weights: { shape: [M], fill: (i) => 1 / (1 + (i % 5)) },
    },
    attrs,
    target: { ...target, ...(limit !== undefined && { maxBindingBytes: limit }) },
  };
}

const training = { temperature: 2, training: true };
const temperatures = [0.5, 1, 2, 4];
/** Caps of both models, of one of them, or of none. */
const caps = (i: number) => [{}, { softcap: 3, teacherSoftcap: 2 }, { softcap: 1.5 }, { teacherSoftcap: 4 }][i % 4] ?? {};

export const distillationCases = opCases(distillationOp, {
  shard: 'head',
  gradient: { inputs: ['hidden', 'weights'], outputs: ['loss'], step: 0.01 },
  f16: ['16x12,20x64 f16 training T 1', '129x24,32x300 training T 2 in blocks'],
  cases: sizes.flatMap((size, i) => [
    caseOf(size, { attrs: { training: true, temperature: temperatures[i % 4] ?? 1 } }),
    caseOf(size, { f16: true, attrs: { training: true, temperature: temperatures[(i + 1) % 4] ?? 1, ...caps(i) } }),
  ]),
});

/** With the gradient of the head, which is the sum over the chunks of tokens. The first tokens are too few to split. */
export const distillationHeadCases = opCases(distillationOp, {
  shard: 'head',
  gradient: { inputs: ['hidden', 'head', 'weights'], outputs: ['loss'], step: 0.01 },
  f16: ['16x12,20x64 training head T 2'],
  cases: [
    ...sizes.map((size, i) => caseOf(size, { attrs: { ...training, trainHead: true, ...caps(i) } })),
    ...sizes.slice(9).map((size) => caseOf(size, { attrs: { ...training, trainHead: true }, target: REAL })),
  ],
});

/** Without training, without optional features, and with the tiles of a real GPU (a CPU adapter compiles shaders with barriers for seconds). */
export const distillationVariantCases = opCases(distillationOp, {
  shard: 'head',
  cases: [
    ...sizes.map((size, i) => caseOf(size, { f16: i % 2 === 1, attrs: { temperature: 3, training: false } })),
    ...sizes.slice(5, 9).map((size, i) => caseOf(size, { f16: i % 2 === 0, attrs: training, target: REAL })),
    ...sizes.slice(0, 6).map((size, i) => caseOf(size, { f16: i % 2 === 0, attrs: training, target: BASE })),
  ],
});
