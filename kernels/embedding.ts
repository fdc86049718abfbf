/** Rows of a table by index, and the sum of rows by segment. Each is the other's gradient. */

import * as tf from '@tensorflow/tfjs-core';
import { sizeOf } from '../src/core/shape';
import { specialise } from '../src/gpu/shader';
import source from './embedding.wgsl?raw';
import { bindRange, itemRanges, type ItemRange } from './lib/binding-ranges';
import { bytesOf, linearGrid, read, specBytes, write } from './lib/launch';
import { rowBlocks, type RowBlock } from './lib/row-blocks';
import { launchOf, optional, perColumns, perRun, place, rawPlace } from './lib/processor';
import { f32Spec, isActivation, isI32, matrixOf, misfit, requireF32 } from './lib/rule';
import { defineOp, type Binding, type Builder, type Dispatch, type Operand, type Spec, type Value } from './op';
import { segmentSumLaunch } from './segment_sum_launch';
import { segmentSumTwin } from './segment_sum_twin';

/**
 * rows[m] = table[ids[m]], zeros where ids[m] is −1: table f32 or f16 [V, C], ids i32 [M] in [−1, V), rows f32 [M, C]. An f32 table may
 * be trained. A table [V] gives rows [M].
 */
export const embeddingOp = defineOp()({
  name: 'embedding',
  inputs: ['table', 'ids'],
  outputs: ['rows'],
  infer(inputs) {
    const { table, ids } = inputs;
    const size = matrixOf(asMatrix(table));
    const [count = 0] = ids.shape;
    if (size === null || !isActivation(table) || !isI32(ids, [count]))
      throw misfit('embedding', inputs, 'a table f32|f16[V, C] or [V], and ids i32[M]');
    return { rows: f32Spec([count, ...table.shape.slice(1)]) };
  },
  gradient(builder, { inputs: { table, ids } }, { rows: drows }, wanted) {
    if (!wanted.table) return { table: null, ids: null };
    requireF32('embedding', 'table', table);
    return { table: segmentSum(builder, drows, ids, table.shape[0] ?? 0), ids: null };
  },
  twin({ table, ids }) {
    // tf.maximum of the wasm backend returns float32 for any input type.
    const rows = tf.gather(table, tf.cast(tf.maximum(ids, tf.scalar(0, 'int32')), 'int32'));
    const known = tf.cast(tf.greaterEqual(ids, 0), 'float32');
    return { rows: tf.mul(rows, table.rank === 1 ? known : tf.expandDims(known, 1)) };
  },
  cost({ inputs: { table, ids }, outputs: { rows } }) {
    const gathered = sizeOf(rows.shape) * (table.dtype === 'f16' ? 2 : 4);
    return { flops: 0, bytes: gathered + specBytes(ids) + specBytes(rows) };
  },
  launch({ inputs: { ids, ...inputs }, outputs }, _attrs, { maxBindingBytes }) {
    const [table, rows] = [asMatrix(inputs.table), asMatrix(outputs.rows)];
    const [count = 0, width = 0] = rows.shape;
    const blocks = rowBlocks(table, maxBindingBytes);
    const ranges = itemRanges({ what: `rows of ${width} elements`, count, bytes: 4 * width }, maxBindingBytes);
    const dispatches = ranges.flatMap((range) => blocks.map((block) => gather({ table, ids, rows }, range, block)));
    return { scratch: [], dispatches };
  },
  processor({ inputs: { table, ids }, outputs: { rows } }) {
    const [count = 0, width = 0] = asMatrix(rows).shape;
    return launchOf(perRun('embedding', count, [rawPlace(table), table.dtype === 'f16', place(ids), place(rows), width]));
  },
});

/** A vector as a matrix of one column. */
function asMatrix<T extends Spec>(spec: T): T {
  return spec.shape.length === 1 ? { ...spec, shape: [...spec.shape, 1] } : spec;
}

/** Gathers for the ids of `range` those rows that are in `block`. */
function gather(operands: Record<'table' | 'ids' | 'rows', Operand>, range: ItemRange, block: RowBlock): Dispatch {
  const { table, ids, rows } = operands;
  const [all = 0, width = 0] = rows.shape;
  const VECTOR = width % 4 === 0;
  const WIDTH = VECTOR ? width / 4 : width;
  const COUNT = range.count * WIDTH;
  const { workgroups, stride } = linearGrid(COUNT, 256);
  const position = { FIRST: block.first, ROWS: block.rows, LAST_ID: (table.shape[0] ?? 1) - 1 };
  const constants = { VECTOR, F16: table.dtype === 'f16', WIDTH, COUNT, GRID: stride, ...position };
  const shader = specialise('embedding', source, 'main', constants);
  const inRange = (binding: Binding, itemBytes: number) => (range.count === all ? binding : bindRange(binding, range, itemBytes));
  return { shader, workgroups, bindings: [read(table, block.range), inRange(read(ids), 4), inRange(write(rows), 4 * width)] };
}

/** The rows `ids` (i32 [M], −1 for a row of zeros) of `table` (f32 or f16 [V, C]), as f32 [M, C]. */
export function embedding(builder: Builder, { table, ids }: { table: Value; ids: Value }): Value {
  return builder.apply(embeddingOp, { table, ids }, {}).rows;
}

export interface SegmentSumAttrs {
  /** S, the number of segments. */
  readonly count: number;
}

/**
 * y[s] = the sum of the rows x[m] with segments[m] = s, added in the order of m: x f32 or f16 [M, N], segments i32 [M] in [−1, S),
 * y f32 [S, N]. A row with segment −1 is in no sum. A vector x [M] gives y [S].
 */
export const segmentSumOp = defineOp<SegmentSumAttrs>()({
  name: 'segment_sum',
  inputs: ['x', 'segments'],
  outputs: ['y'],
  infer(inputs, { count }) {
    const { x, segments } = inputs;
    const [M, N] = matrixOf(asMatrix(x)) ?? [0, 0];
    if (!isActivation(x) || !isI32(segments, [M]) || M * N * count === 0)
      throw misfit(`segment_sum into ${count} rows`, inputs, 'x f32|f16[M, N] or [M], segments i32[M], and at least one row');
    return { y: f32Spec([count, ...x.shape.slice(1)]) };
  },
  gradient: (builder, { inputs: { segments } }, { y: dy }, wanted) => ({
    x: wanted.x ? embedding(builder, { table: dy, ids: segments }) : null,
    segments: null,
  }),
  twin({ x, segments }, { count }) {
    const y = segmentSumTwin(x.rank === 1 ? tf.expandDims(x, 1) : x, segments, count);
    return { y: x.rank === 1 ? tf.reshape(y, [count]) : y };
  },
  // Sums over tokens stay f32.
  f16: () => ({ inputs: ['x'], outputs: [] }),
  cost: (use) => ({ flops: sizeOf(use.inputs.x.shape), bytes: bytesOf(use) }),
  launch: ({ inputs: { x, segments }, outputs: { y } }, _attrs, target) =>
    segmentSumLaunch({ x: asMatrix(x), segments, y: asMatrix(y) }, target),
  processor({ inputs: { x, segments }, outputs: { y } }, { count }) {
    const [rows = 0, width = 0] = asMatrix(x).shape;
    return launchOf(perColumns('segment_sum', width, [...[x, segments, y].map(optional), width, rows, count]));
  },
});

/** The sums [count, N] of the rows of x [M, N] with equal `segments` (i32 [M], −1 for none). */
export function segmentSum(builder: Builder, x: Value, segments: Value, count: number): Value {
  return builder.apply(segmentSumOp, { x, segments }, { count }).y;
}
