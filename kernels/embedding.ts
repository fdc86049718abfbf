/** Rows of a table by index: token embeddings, and gathering rows of activations. */

import * as tf from '@tensorflow/tfjs-core';
import { sizeOf } from '../src/core/shape';
import { specialise } from '../src/gpu/shader';
import source from './embedding.wgsl?raw';
import { bindRange, itemRanges, type ItemRange } from './lib/binding-ranges';
import { linearGrid, read, specBytes, write } from './lib/launch';
import { rowBlocks, type RowBlock } from './lib/row-blocks';
import { f32Spec, isActivation, isI32, matrixOf, misfit, notTrained } from './lib/rule';
import { defineOp, type Binding, type Builder, type Dispatch, type Operand, type Value } from './op';

/** rows[m] = table[ids[m]]: table f32 or f16 [V, C], ids i32 [M] in [0, V), rows f32 [M, C]. The table is frozen. */
export const embeddingOp = defineOp()({
  name: 'embedding',
  inputs: ['table', 'ids'],
  outputs: ['rows'],
  infer(inputs) {
    const { table, ids } = inputs;
    const size = matrixOf(table);
    const [count = 0] = ids.shape;
    if (size === null || !isActivation(table) || !isI32(ids, [count]))
      throw misfit('embedding', inputs, 'a table f32|f16[V, C] and ids i32[M]');
    return { rows: f32Spec([count, size[1]]) };
  },
  gradient(_builder, _use, _cotangents, wanted) {
    if (wanted.table) throw notTrained('embedding', 'the table');
    return { table: null, ids: null };
  },
  twin: ({ table, ids }) => ({ rows: tf.gather(table, ids) }),
  cost({ inputs: { table, ids }, outputs: { rows } }) {
    const gathered = sizeOf(rows.shape) * (table.dtype === 'f16' ? 2 : 4);
    return { flops: 0, bytes: gathered + specBytes(ids) + specBytes(rows) };
  },
  launch({ inputs: { table, ids }, outputs: { rows } }, _attrs, { maxBindingBytes }) {
    const [count = 0, width = 0] = rows.shape;
    const blocks = rowBlocks(table, maxBindingBytes);
    const ranges = itemRanges({ what: `rows of ${width} elements`, count, bytes: 4 * width }, maxBindingBytes);
    const dispatches = ranges.flatMap((range) => blocks.map((block) => gather({ table, ids, rows }, range, block)));
    return { scratch: [], dispatches };
  },
});

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

/** The rows `ids` (i32 [M]) of `table` (f32 or f16 [V, C]), as f32 [M, C]. */
export function embedding(builder: Builder, { table, ids }: { table: Value; ids: Value }): Value {
  return builder.apply(embeddingOp, { table, ids }, {}).rows;
}
