import { scaleOp } from '../../../kernels/scale';
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
  gradient: { inputs: ['x'] },
  f16: ['[17,64]'],
  cases: [...shapes, ...matrices].map((shape) => ({
    name: `[${shape.join()}]`,
    inputs: { x: { shape }, s: { shape: [1] } },
    attrs: {},
  })),
});
