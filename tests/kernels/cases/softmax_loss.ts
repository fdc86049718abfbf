import { softmaxLossBackwardOp, softmaxLossOp } from '../../../kernels/softmax_loss';
import { opCases, type CaseOf } from '../harness';

type Forward = CaseOf<typeof softmaxLossOp>;

/** Rows, classes. */
type Size = readonly [rows: number, classes: number];

const sizes: readonly Size[] = [
  [1, 1],
  [1, 2],
  [2, 2],
  [3, 3],
  [4, 5],
  [5, 4],
  [8, 2],
  [16, 77],
  [33, 10],
  [63, 3],
  [64, 3],
  [65, 3],
  [127, 9],
  [128, 8],
  [129, 7],
  [200, 1],
  [300, 20],
  [1025, 2],
  [2, 1000],
  [4099, 6],
];

function example([rows, classes]: Size, spread = 2): Forward {
  return {
    name: `${rows}x${classes}`,
    inputs: {
      logits: { shape: [rows, classes], fill: spread },
      // Every fourth row from the third on has no label.
      labels: { shape: [rows], dtype: 'i32', fill: (i) => (i % 4 === 2 ? -1 : (i * 7919) % classes) },
    },
    attrs: {},
  };
}

const cases: readonly Forward[] = [
  ...sizes.map((size) => example(size)),
  // Far past the range of exp; too large for finite differences.
  { ...example([6000, 8], 300), name: 'large logits' },
  { ...example([200, 5]), name: '200x5 in blocks of 64', target: { maxBindingBytes: 64 * 4 * 5 } },
  { ...example([130, 2]), name: '130x2 in blocks of 64', target: { maxBindingBytes: 64 * 4 * 2 } },
];

export const softmaxLossCases = opCases(softmaxLossOp, { shard: 'head', gradient: { inputs: ['logits'] }, cases });

export const softmaxLossBackwardCases = opCases(softmaxLossBackwardOp, {
  shard: 'head',
  cases: cases.map(({ inputs, ...rest }) => ({ ...rest, inputs: { ...inputs, dnll: { shape: inputs.labels.shape } } })),
});
