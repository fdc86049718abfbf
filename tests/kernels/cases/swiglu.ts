import { swigluBackwardOp, swigluOp } from '../../../kernels/swiglu';
import { opCases, type CaseOf } from '../harness';

type Forward = CaseOf<typeof swigluOp>;
type Backward = CaseOf<typeof swigluBackwardOp>;

const shapes = [
  [1],
  [2],
  [3],
  [4],
  [5],
  [1, 8],
  [3, 5],
  [7, 9],
  [63],
  [64],
  [65],
  [5, 64],
  [255],
  [256],
  [257],
  [1, 1536],
  [33, 100],
  [1023],
  [1024],
  [1025],
  [17, 96],
  [129, 576],
];

/** Gates from the middle to the saturated ends of the sigmoid, past the overflow of exp. */
const steep = (index: number) => [-200, -90, -20, -1, 0, 1, 20, 90, 200][index % 9] ?? 0;

const plain = (shape: readonly number[]): Forward => {
  const input = { shape, fill: 2 };
  return { name: `[${shape.join()}]`, inputs: { gate: input, up: input }, attrs: {} };
};

/** Too large for finite differences, which are meaningless on such steep slopes. */
const extreme: Forward = {
  name: 'saturated gates',
  inputs: { gate: { shape: [21_000], fill: steep }, up: { shape: [21_000] } },
  attrs: {},
};

const forward: readonly Forward[] = [
  ...shapes.map(plain),
  extreme,
  // Several dispatches, of 256 and of 64 elements.
  { ...plain([1000]), name: '[1000] in 1 KiB bindings', target: { maxBindingBytes: 1024 } },
  { ...plain([7, 99]), name: '[7,99] in 256-byte bindings', target: { maxBindingBytes: 256 } },
];

const withDy = ({ inputs, ...rest }: Forward): Backward => ({ ...rest, inputs: { ...inputs, dy: inputs.up } });

export const swigluCases = opCases(swigluOp, {
  shard: 'block',
  gradient: { inputs: ['gate', 'up'] },
  f16: ['[33,100]', '[1000] in 1 KiB bindings'],
  cases: forward,
});

export const swigluBackwardCases = opCases(swigluBackwardOp, {
  shard: 'block',
  f16: ['[33,100]', '[1000] in 1 KiB bindings'],
  cases: forward.map(withDy),
});
