import { swigluBackwardOp, swigluOp } from '../../../kernels/swiglu';
import type { Case, OpCases } from '../harness';

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

/** Gates from the flat to the saturated ends of the sigmoid, beyond where exp overflows. */
const steep = (index: number) => [-200, -90, -20, -1, 0, 1, 20, 90, 200][index % 9] ?? 0;

const plain = (count: number, shape: readonly number[]): Case => {
  const inputs = Array.from({ length: count }, () => ({ shape, fill: 2 }));
  return { name: `[${shape.join()}]`, inputs, attrs: {} };
};

/** Large enough that no finite differences are taken: they mean nothing on so steep a slope. */
const extreme = (count: number): Case => ({
  name: 'saturated gates',
  inputs: [{ shape: [21_000], fill: steep }, ...Array.from({ length: count - 1 }, () => ({ shape: [21_000] }))],
  attrs: {},
});

/** Spans of 256 and 64 elements. */
const cut = (count: number): Case[] => [
  { ...plain(count, [1000]), name: '[1000] in 1 KiB bindings', target: { maxBindingBytes: 1024 } },
  { ...plain(count, [7, 99]), name: '[7,99] in 256-byte bindings', target: { maxBindingBytes: 256 } },
];

export const swigluCases: OpCases = {
  op: swigluOp,
  gradient: { inputs: [0, 1] },
  cases: [...shapes.map((shape) => plain(2, shape)), extreme(2), ...cut(2)],
};

export const swigluBackwardCases: OpCases = {
  op: swigluBackwardOp,
  cases: [...shapes.map((shape) => plain(3, shape)), extreme(3), ...cut(3)],
};
