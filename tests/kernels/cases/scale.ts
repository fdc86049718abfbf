import { dotOp, scaleOp } from '../../../kernels/scale';
import { opCases } from '../harness';

const shapes = [1, 2, 3, 4, 5, 8, 63, 64, 65, 100, 255, 256, 257, 1000, 1023, 1024, 4097].map((size) => [size]);
const matrices = [
  [1, 3],
  [5, 7],
  [17, 64],
  [128, 96],
];

export const scaleCases = opCases(scaleOp, {
  shard: 'head',
  gradient: { inputs: ['x', 's'] },
  f16: ['[17,64]'],
  cases: [...shapes, ...matrices].map((shape) => ({
    name: `[${shape.join()}]`,
    inputs: { x: { shape }, s: { shape: [1] } },
    attrs: {},
  })),
});

/** More than one workgroup from 8,193 elements on, and more than 256 of them at the last size. */
const long = [8192, 8193, 50_001, 70_004, 2_200_000].map((size) => [size]);

export const dotCases = opCases(dotOp, {
  shard: 'head',
  gradient: { inputs: ['x', 'w'] },
  cases: [
    // A mean that is not 0, so that the sum does not cancel.
    ...[...shapes, ...matrices, ...long].map((shape) => ({
      name: `[${shape.join()}]`,
      inputs: { x: { shape }, w: { shape, fill: (i: number) => 1 + Math.sin(i) } },
      attrs: {},
    })),
    ...[1001, 1020].map((size) => ({
      name: `[${size}] in 1 KiB bindings`,
      inputs: { x: { shape: [size] }, w: { shape: [size] } },
      attrs: {},
      target: { maxBindingBytes: 1024 },
    })),
  ],
});
