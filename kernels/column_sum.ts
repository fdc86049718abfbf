/** Sums over rows: the gradients of biases and of everything else that is added to each row. */

import { sizeOf } from '../src/core/shape';
import { columnSums, columnSumsTwin } from './lib/column-sums';
import { bytesOf } from './lib/launch';
import { launchOf, optional, perColumns } from './lib/processor';
import { f32Spec, isActivation, matrixOf, misfit } from './lib/rule';
import { defineOp, type Builder, type Value } from './op';

export interface ColumnSumAttrs {
  /** W, the length of the sums. */
  readonly width: number;
}

/** x f32|f16 [M, G·W] → sums f32 [W]: over all rows, and over the G runs of W elements of each row. */
export const columnSumOp = defineOp<ColumnSumAttrs>()({
  name: 'column_sum',
  inputs: ['x'],
  outputs: ['sums'],
  infer(inputs, { width }) {
    const [rows, columns] = matrixOf(inputs.x) ?? [0, 0];
    if (!isActivation(inputs.x) || rows * columns === 0 || columns % width !== 0)
      throw misfit('column_sum', inputs, `x f32|f16[M, G·${width}]`);
    return { sums: f32Spec([width]) };
  },
  // Sums over rows are only used as gradients.
  gradient: null,
  twin: ({ x }, { width }) => ({ sums: columnSumsTwin(x, width) }),
  f16: () => ({ inputs: ['x'], outputs: [] }),
  cost: (use) => ({ flops: sizeOf(use.inputs.x.shape), bytes: bytesOf(use) }),
  launch: ({ inputs: { x }, outputs: { sums } }, { width }, target) =>
    columnSums({ label: 'column_sum', values: x, width, sums }, target),
  processor({ inputs: { x }, outputs: { sums } }, { width }) {
    const buffers = [x, sums, null, null, null, null].map(optional);
    return launchOf(perColumns('column_sums', width, [...buffers, width, sizeOf(x.shape) / width]));
  },
});

/** The sums [width] over the rows of x [M, G·width] and the G runs of each row; by default width is that of x. */
export function columnSum(builder: Builder, x: Value, width = x.shape.at(-1) ?? 1): Value {
  return builder.apply(columnSumOp, { x }, { width }).sums;
}
