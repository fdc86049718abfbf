import { segmentSumOp } from '../../../kernels/embedding';
import { opCases, type CaseOf } from '../harness';

/** Rows and columns of x, segments, and the binding limit in bytes where tensors must be split. */
type Size = readonly [M: number, N: number, S: number, limit?: number];

const sizes: readonly Size[] = [
  [1, 1, 1],
  [1, 4, 7],
  [2, 3, 1],
  [5, 3, 7],
  [7, 4, 3],
  [63, 5, 1],
  [64, 8, 16],
  [65, 12, 2],
  [100, 33, 9],
  [255, 7, 300],
  [257, 36, 64],
  [512, 64, 512],
  [300, 8, 30, 4096],
  [300, 5, 30, 4096],
  [70, 16, 700, 4096],
  [200, 36, 1000, 20000],
  [40, 8, 4099],
  [64, 4, 262_144],
];

/** Segments in no order, and in runs as the documents of a row are. */
const fills = {
  scattered: (S: number) => [-1, S] as const,
  runs: (S: number) => (i: number) => (Math.floor(i / 9) % (S + 1)) - 1,
};

const casesOf = (fill: keyof typeof fills) =>
  sizes.map(([M, N, S, limit]): CaseOf<typeof segmentSumOp> => ({
    name: `${fill} ${M}x${N} into ${S}${limit === undefined ? '' : ' in blocks'}`,
    inputs: { x: { shape: [M, N] }, segments: { shape: [M], dtype: 'i32', fill: fills[fill](S) } },
    attrs: { count: S },
    ...(limit !== undefined && { target: { maxBindingBytes: limit } }),
  }));

const vectorCase = (M: number, S: number): CaseOf<typeof segmentSumOp> => ({
  name: `a vector of ${M} into ${S}`,
  inputs: { x: { shape: [M] }, segments: { shape: [M], dtype: 'i32', fill: fills.runs(S) } },
  attrs: { count: S },
});

export const segmentSumCases = opCases(segmentSumOp, {
  shard: 'head',
  gradient: { inputs: ['x'] },
  f16: ['scattered 64x8 into 16', 'scattered 300x8 into 30 in blocks', 'runs 257x36 into 64'],
  cases: [...casesOf('scattered'), ...casesOf('runs'), vectorCase(7, 3), vectorCase(300, 12), vectorCase(1024, 5)],
});
