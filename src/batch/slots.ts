/**
 * Document slots. The graph of a run is static, so a micro-batch has the same number of slots whatever its documents are; inputs such
 * as targets are arrays over the slots, and the weight of an empty slot is 0. Packing puts no more examples into a row than it has
 * slots for.
 */

import { exampleLengths } from './order';
import type { EncodedSplit, ExampleLayout, SlotPlan } from './types';

/** Slots of each row of tokens. */
export interface Slots extends SlotPlan {
  /** The token that stands for a document: the first one (encoders), or the last one (decoders); or the mean of all. */
  readonly pool: 'first' | 'last' | 'mean';
  /** By class or label, see `WeightingSettings` in src/recipe/objectives.ts; absent where all count alike. */
  readonly weights?: readonly number[];
}

/** Rows are given room for this many times the examples that they have on average. */
const HEADROOM = 2;

/**
 * Slots for the examples of `train` in rows of `rowLength` tokens, `virtualTokens` of them at the start of each document: twice as many as a row holds on average, and never more than the
 * shortest examples could fill. An empty slot costs a row of the head, which is little; a row without a free slot leaves padding, which
 * happens where many short examples meet.
 */
export function planSlots(
  train: EncodedSplit,
  layout: ExampleLayout,
  rowLength: number,
  pool: Slots['pool'] = 'last',
  virtualTokens = 0,
): Slots {
  const lengths = exampleLengths(train.offsets, layout.documents, virtualTokens);
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  const average = tokens === 0 ? 0 : (rowLength * lengths.length) / tokens;
  const perRow = Math.max(1, Math.min(mostPerRow(lengths, rowLength), Math.ceil(HEADROOM * average)));
  return { layout, perRow, pool };
}

/** How many of the shortest examples fit into a row. */
function mostPerRow(lengths: Uint32Array, rowLength: number): number {
  let [count, room] = [0, rowLength];
  for (const length of lengths.slice().sort()) {
    room -= length;
    if (room < 0) break;
    count++;
  }
  return count;
}

/** Document slots of a micro-batch of `rows` rows: D. */
export function slotCount({ layout, perRow }: SlotPlan, rows: number): number {
  return rows * perRow * layout.documents;
}

/**
 * The slot of document `document` of an example: the first documents of all examples come first, then the second ones. `example` is
 * the example's index in its row.
 */
export function slotOf({ perRow }: Slots, rows: number, row: number, example: number, document: number): number {
  return (document * rows + row) * perRow + example;
}
