/** Rows of a table by index: token embeddings, and gathering rows of activations. */

import * as tf from '@tensorflow/tfjs-core';
import { sizeOf } from '../src/core/shape';
import { specialise } from '../src/gpu/shader';
import { rowBlocks, type RowBlock } from './lib/row-blocks';
import source from './embedding.wgsl?raw';
import { linearGrid, readInput, required, specBytes, writeOutput } from './lib/launch';
import type { Binding, Builder, Dispatch, Op, Spec, Use, Value } from './op';
import { matrixOf, misfit, notTrained, only } from './lib/rule';
import { itemRanges, bindRange, type ItemRange } from './lib/binding-ranges';

/** [table f32|f16 [V, C], ids i32 [M]] → [rows f32 [M, C]]. Ids lie in [0, V); the table is frozen. */
export const embeddingOp: Op = {
  name: 'embedding',
  infer(inputs) {
    const [table, ids] = inputs;
    const size = matrixOf(table);
    if (size === null || (table?.dtype !== 'f32' && table?.dtype !== 'f16') || ids?.dtype !== 'i32' || ids.shape.length !== 1)
      throw misfit('embedding', inputs, 'a table f32|f16[V, C] and ids i32[M]');
    return [{ shape: [sizeOf(ids.shape), size[1]], dtype: 'f32' }];
  },
  gradient(_builder, _use, _cotangents, wanted) {
    if (wanted[0] || wanted[1]) throw notTrained('embedding', wanted[0] ? 'the table' : 'ids');
    return [null, null];
  },
  twin: (inputs) => [tf.gather(required(inputs, 0, 'table'), required(inputs, 1, 'ids'))],
  cost(use) {
    const table = required(use.inputs, 0, 'table');
    const rows = required(use.outputs, 0, 'rows');
    const read = sizeOf(rows.shape) * (table.dtype === 'f16' ? 2 : 4);
    return { flops: 0, bytes: read + specBytes(required(use.inputs, 1, 'ids')) + specBytes(rows) };
  },
  launch(use, _attrs, target) {
    const { maxBindingBytes } = target;
    const blocks = rowBlocks(required(use.inputs, 0, 'table'), maxBindingBytes);
    const [ids = 0, width = 0] = required(use.outputs, 0, 'rows').shape;
    const parts = itemRanges({ what: `rows of ${width} elements`, count: ids, bytes: 4 * width }, maxBindingBytes);
    return { scratch: [], dispatches: parts.flatMap((part) => blocks.map((block) => gatherBlock(use, part, block))) };
  },
};

/** The ids of `part` whose rows are in `block`. */
function gatherBlock(use: Use, part: ItemRange, block: RowBlock): Dispatch {
  const table: Spec = required(use.inputs, 0, 'table');
  const [all = 0, width = 0] = required(use.outputs, 0, 'rows').shape;
  const ids = part.count;
  const VECTOR = width % 4 === 0;
  const WIDTH = VECTOR ? width / 4 : width;
  const { workgroups, stride } = linearGrid(ids * WIDTH, 256);
  const place = { FIRST: block.first, ROWS: block.rows, LAST_ID: (table.shape[0] ?? 1) - 1 };
  const constants = { VECTOR, F16: table.dtype === 'f16', WIDTH, COUNT: ids * WIDTH, GRID: stride, ...place };
  const shader = specialise('embedding', source, 'main', constants);
  const of = (binding: Binding, itemBytes: number) => (ids === all ? binding : bindRange(binding, part, itemBytes));
  return { shader, workgroups, bindings: [readInput(0, block.range), of(readInput(1), 4), of(writeOutput(0), 4 * width)] };
}

/** The rows `ids` (i32 [M]) of `table` (f32 or f16 [V, C]), as f32 [M, C]. */
export function embedding(builder: Builder, { table, ids }: { table: Value; ids: Value }): Value {
  return only(builder.apply(embeddingOp, [table, ids], {}));
}
