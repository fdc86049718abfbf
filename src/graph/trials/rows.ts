/** Trials of kernels that gather, sum and change rows, columns and elements. */

import { accumulate } from '../../../kernels/accumulate';
import { add } from '../../../kernels/add';
import { columnAffine } from '../../../kernels/column_affine';
import { columnSum } from '../../../kernels/column_sum';
import { concat, slice, split } from '../../../kernels/columns';
import { dropout } from '../../../kernels/dropout';
import { embedding, segmentSum } from '../../../kernels/embedding';
import type { Value } from '../../../kernels/op';
import { rowNorm } from '../../../kernels/row_norm';
import { scale } from '../../../kernels/scale';
import type { Bench } from '../kernel-bench';
import { range, M, HEADS, WIDTH, type Trial } from './trial';

function embeddings(b: Bench): readonly Value[] {
  const ids = b.integers(
    'ids',
    range(M, (i) => (i * 7) % 30),
  );
  return (['f32', 'f16'] as const).map((dtype) =>
    embedding(b.program, { table: b.numbers(`table ${dtype}`, [30, 24], dtype, 'frozen'), ids }),
  );
}

function segmentSums(b: Bench): readonly Value[] {
  const segments = b.integers(
    'segments',
    range(M, (i) => ((i * i) % 23) - 1),
  );
  const x = b.numbers('x', [M, 24]);
  const y = segmentSum(b.program, x, segments, 25);
  return [y, ...b.gradients([y], [x])];
}

function columns(b: Bench): readonly Value[] {
  const widths = [4, 3];
  const inputs = widths.map((width) => b.numbers(`x ${width}`, [M, 3 * width]));
  const middles = inputs.map((x, i) => slice(b.program, x, widths[i] ?? 0, widths[i] ?? 0));
  const turned = inputs.map((x, i) =>
    concat(
      b.program,
      split(
        b.program,
        x,
        range(3, () => widths[i] ?? 0),
      ).toReversed(),
    ),
  );
  return [...turned, ...middles, ...b.gradients(middles, inputs)];
}

function rowsAndColumns(b: Bench): readonly Value[] {
  const [x, w] = [b.numbers('x', [M, 52]), b.numbers('w', [52, 36])];
  const norms = [false, true].map((reciprocal) => rowNorm(b.program, w, { reciprocal }));
  const [factor = x, shift] = norms;
  const y = columnAffine(b.program, x, { factor, shift: shift ?? null, addend: b.numbers('addend', [M, 52]) });
  return [y, ...norms, columnAffine(b.program, b.numbers('odd', [M, 7]), { factor: b.numbers('odd factor', [7]) })];
}

function columnSums(b: Bench): readonly Value[] {
  return [columnSum(b.program, b.numbers('x', [200, 24])), columnSum(b.program, b.numbers('heads', [M, WIDTH]), HEADS.headSize)];
}

function elementwise(b: Bench): readonly Value[] {
  const [x, y] = [b.numbers('x', [M, 12]), b.numbers('y', [M, 12])];
  const sum = b.numbers('sum', [M, 12], 'f32', 'state');
  const dropped = dropout(b.program, x, b.integers('seed', [7, 3]), { rate: 0.25, stream: 5 });
  const scaled = scale(b.program, y, b.numbers('s', [1]));
  const scaledSum = accumulate(b.program, b.numbers('scaled sum', [M, 12], 'f32', 'state'), x, b.numbers('factor', [1]));
  return [add(b.program, x, y), dropped, scaled, accumulate(b.program, sum, x), scaledSum];
}

export const rowTrials: readonly Trial[] = [
  {
    name: 'embedding',
    build: embeddings,
    expected: [
      [21.14407, -17.29962, 481.4846],
      [12.64534, 12.68208, 465.0954],
    ],
  },
  {
    name: 'segment_sum',
    build: segmentSums,
    expected: [
      [-9.722492, 9.16332, 228.0665],
      [3.381583, 7.061032, 450.3904],
    ],
  },
  {
    name: 'columns',
    build: columns,
    expected: [
      [3.484997, 23.40808, 239.8229],
      [7.768288, 7.7859, 184.7427],
      [2.524853, 2.835171, 86.31492],
      [-1.868472, -1.079035, 62.75074],
      [0.06737775, 5.377229, 85.76573],
      [-6.370844, 0.4497285, 56.18411],
    ],
  },
  {
    name: 'column_affine, row_norm',
    build: rowsAndColumns,
    expected: [
      [23.93289, -58.77791, 3793.638],
      [-3.471303, -14.50907, 183.941],
      [-0.2039272, -1.073075, 14.76975],
      [3.055871, 1.064034, 68.21062],
    ],
  },
  {
    name: 'column_sum',
    build: columnSums,
    expected: [
      [39.64856, -2.623799, 177.6105],
      [2.749086, -12.37212, 78.65682],
    ],
  },
  {
    name: 'elementwise',
    build: elementwise,
    expected: [
      [7.318929, -3.716653, 343.3865],
      [-2.071815, -1.121785, 250.201],
      [4.773551, -0.01014132, 208.9028],
      [-3.913532, 0.02519467, 322.5498],
      [0.3283043, -10.39948, 298.0805],
    ],
  },
];
