import { addOp } from '../../../kernels/add';
import { opCases } from '../harness';

const shapes = [1, 2, 3, 4, 5, 7, 8, 16, 63, 64, 65, 100, 127, 255, 256, 257, 1000, 1023, 1024, 4097].map((size) => [size]);
const matrices = [
  [1, 3],
  [3, 1],
  [5, 7],
  [17, 64],
  [128, 96],
];

export const addCases = opCases(addOp, {
  shard: 'elementwise',
  gradient: { inputs: ['a', 'b'] },
  f16: ['[17,64]', '[128,96]'],
  cases: [...shapes, ...matrices].map((shape) => ({
    name: `[${shape.join()}]`,
    inputs: { a: { shape }, b: { shape } },
    attrs: {},
  })),
});
