import { columnAffineOp } from '../../../kernels/column_affine';
import { opCases, type CaseOf } from '../harness';

type Example = CaseOf<typeof columnAffineOp>;

const shapes = [
  [1, 1],
  [1, 3],
  [1, 4],
  [4, 3],
  [5, 7],
  [7, 4],
  [17, 64],
  [65, 63],
  [128, 96],
  [257, 5],
] as const;

const example = (shape: readonly [number, number], shift: boolean, addend: boolean, bytes = 0): Example => ({
  name: `[${shape.join()}]${shift ? ' shifted' : ''}${addend ? ' with an addend' : ''}${bytes > 0 ? ` in ${bytes}-byte bindings` : ''}`,
  inputs: {
    x: { shape },
    factor: { shape: [shape[1]] },
    shift: shift ? { shape: [shape[1]] } : null,
    addend: addend ? { shape } : null,
  },
  attrs: {},
  ...(bytes > 0 && { target: { maxBindingBytes: bytes } }),
});

export const columnAffineCases = opCases(columnAffineOp, {
  shard: 'elementwise',
  gradient: { inputs: ['x', 'factor', 'shift', 'addend'] },
  f16: ['[17,64] shifted', '[128,96] shifted with an addend'],
  cases: [
    ...shapes.map((shape) => example(shape, false, false)),
    ...shapes.map((shape) => example(shape, true, false)),
    ...shapes.map((shape) => example(shape, true, true)),
    example([17, 64], false, true),
    example([130, 12], true, true, 4096),
    example([200, 7], true, false, 2048),
  ],
});
