import { GROWTH_INTERVAL, LARGEST_SCALE, lossscaleOp } from '../../../kernels/lossscale';
import { opCases } from '../harness';

const scales = [1, 2, 2 ** 16, LARGEST_SCALE / 2, LARGEST_SCALE];
const goods = [0, 7, GROWTH_INTERVAL - 2, GROWTH_INTERVAL - 1];
const norms = [0, 0.5, 3e38, Infinity, -Infinity, NaN];
const one = (value: number) => ({ shape: [1], fill: () => value });

export const lossscaleCases = opCases(lossscaleOp, {
  shard: 'optimizer',
  tolerance: 0,
  cases: scales.flatMap((scale) =>
    goods.flatMap((good) =>
      norms.map((norm) => ({
        name: `scale ${scale}, ${good} good steps, norm ${norm}`,
        inputs: { scale: one(scale), good: one(good), norm: one(norm) },
        attrs: {},
      })),
    ),
  ),
});
