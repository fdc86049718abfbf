import { GROWTH_INTERVAL, LARGEST_SCALE, lossscaleOp } from '../../../kernels/lossscale';
import type { OpCases } from '../harness';

const scales = [1, 2, 2 ** 16, LARGEST_SCALE / 2, LARGEST_SCALE];
const goods = [0, 7, GROWTH_INTERVAL - 2, GROWTH_INTERVAL - 1];
const norms = [0, 0.5, 3e38, Infinity, -Infinity, NaN];
const one = (value: number) => ({ shape: [1], fill: () => value });

export const lossscaleCases: OpCases = {
  op: lossscaleOp,
  tolerance: 0,
  cases: scales.flatMap((scale) =>
    goods.flatMap((good) =>
      norms.map((norm) => ({
        name: `scale ${scale}, ${good} good steps, norm ${norm}`,
        inputs: [one(scale), one(good), one(norm)],
        attrs: {},
      })),
    ),
  ),
};
