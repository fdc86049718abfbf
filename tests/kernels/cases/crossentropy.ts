import { crossentropyOp, type CrossentropyAttrs } from '../../../kernels/crossentropy';
import type { Target } from '../../../src/gpu/device';
import { opCases, type CaseOf } from '../harness';
import { BASE, REAL } from '../targets';

/** Tokens, width, vocabulary; a small binding limit splits the tokens into chunks and the head into row blocks. */
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

interface Options {
  readonly f16?: boolean;
  readonly attrs: CrossentropyAttrs;
  readonly target?: Partial<Target>;
}

function caseOf([M, C, V, limit]: Size, { f16 = false, attrs, target = {} }: Options): CaseOf<typeof crossentropyOp> {
  const words = [
    f16 && 'f16',
    attrs.training && 'training',
    attrs.trainHead && 'head',
    attrs.softcap !== undefined && `cap ${attrs.softcap}`,
    limit !== undefined && 'in blocks',
    target === REAL && 'tiled',
    target === BASE && 'base',
  ];
  return {
    name: [`${M}x${C}x${V}`, ...words.filter((word) => word)].join(' '),
    inputs: {
      hidden: { shape: [M, C] },
      head: { shape: [V, C], dtype: f16 ? 'f16' : 'f32', fill: 0.5 },
      // Every third token has no label.
      labels: { shape: [M], dtype: 'i32', fill: (i) => (i % 3 === 1 ? -1 : (i * 7919) % V) },
      weights: { shape: [M], fill: (i) => 1 / (1 + (i % 5)) },
    },
    attrs,
    target: { ...target, ...(limit !== undefined && { maxBindingBytes: limit }) },
  };
}

const training = { training: true };
const trainingHead = { training: true, trainHead: true };

export const crossentropyCases = opCases(crossentropyOp, {
  shard: 'head',
  gradient: { inputs: ['hidden', 'weights'], outputs: ['loss'], step: 0.01 },
  f16: ['16x12x64 f16 training', '129x24x300 training in blocks'],
  cases: sizes.flatMap((size) => [caseOf(size, { attrs: training }), caseOf(size, { f16: true, attrs: training })]),
});

/** With the gradient of the head, which is the sum over the chunks of tokens. The first tokens are too few to split. */
export const crossentropyHeadCases = opCases(crossentropyOp, {
  shard: 'head',
  gradient: { inputs: ['hidden', 'head', 'weights'], outputs: ['loss'], step: 0.01 },
  f16: ['16x12x64 training head', '129x24x300 training head in blocks'],
  cases: [
    ...sizes.map((size) => caseOf(size, { attrs: trainingHead })),
    ...sizes.slice(5).map((size) => caseOf(size, { attrs: trainingHead, target: REAL })),
  ],
});

/** The gradient of nll, of the loss and nll together, and with soft caps that bend most logits and few. */
export const crossentropyNllCases = opCases(crossentropyOp, {
  shard: 'head',
  gradient: { inputs: ['hidden', 'head'], outputs: ['nll'], step: 0.01 },
  cases: sizes.map((size, i) => caseOf(size, { attrs: i % 2 === 0 ? { training: false } : { training: false, softcap: 3 } })),
});

export const crossentropySoftcapCases = opCases(crossentropyOp, {
  shard: 'head',
  gradient: { inputs: ['hidden', 'head'], outputs: ['loss', 'nll'], step: 0.01 },
  cases: sizes.map((size, i) => caseOf(size, { attrs: { ...trainingHead, softcap: i % 2 === 0 ? 2 : 30 } })),
});

/** Without training, without optional features, and with the tiles of a real GPU (a CPU adapter compiles shaders with barriers for seconds). */
export const crossentropyVariantCases = opCases(crossentropyOp, {
  shard: 'head',
  cases: [
    ...sizes.map((size, i) => caseOf(size, { f16: i % 2 === 1, attrs: { training: false } })),
    ...sizes.slice(5).map((size, i) => caseOf(size, { f16: i % 2 === 0, attrs: training, target: REAL })),
    ...sizes.slice(0, 6).map((size, i) => caseOf(size, { f16: i % 2 === 0, attrs: training, target: BASE })),
  ],
});
