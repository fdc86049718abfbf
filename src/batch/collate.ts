/** Writes packed rows into the fixed-size arrays of a batch. */

import type { Packing } from './pack';
import type { Batch, EncodedSplit } from './types';

/** What a batch looks like: `rows`·`rowLength` entries, padding filled with `padId`. */
export interface BatchShape {
  readonly rows: number;
  readonly rowLength: number;
  readonly padId: number;
}

/** The batch of the rows `first`, `first + 1`, ... of the packing; rows beyond its end are padding. */
export function collate(split: EncodedSplit, packing: Packing, first: number, shape: BatchShape): Batch {
  const batch = emptyBatch(shape);
  let tokens = 0;
  for (let row = 0; row < shape.rows; row++) {
    const [from, to] = [packing.starts[first + row] ?? 0, packing.starts[first + row + 1] ?? 0];
    let at = row * shape.rowLength;
    for (let i = from; i < to; i++) {
      const length = writeDocument(batch, split, packing.docs[i] ?? 0, i - from, at);
      at += length;
      tokens += length;
    }
  }
  return { ...batch, tokens, trained: batch.weights.reduce((sum, weight) => sum + weight, 0) };
}

type Arrays = Omit<Batch, 'tokens' | 'trained'>;

function emptyBatch({ rows, rowLength, padId }: BatchShape): Arrays {
  const size = rows * rowLength;
  return {
    ids: new Int32Array(size).fill(padId),
    positions: new Int32Array(size),
    segments: new Int32Array(size).fill(-1),
    labels: new Int32Array(size).fill(-1),
    weights: new Float32Array(size),
  };
}

/** Writes document `doc` as segment `segment` at `at`; returns its length. Each token's label is the next one; the last has none. */
function writeDocument(batch: Arrays, split: EncodedSplit, doc: number, segment: number, at: number): number {
  const from = split.offsets[doc] ?? 0;
  const length = (split.offsets[doc + 1] ?? 0) - from;
  batch.ids.set(split.ids.subarray(from, from + length), at);
  batch.segments.fill(segment, at, at + length);
  for (let i = 0; i < length; i++) batch.positions[at + i] = i;
  if (length > 1) batch.labels.set(split.ids.subarray(from + 1, from + length), at);
  for (let i = 1; i < length; i++) batch.weights[at + i - 1] = split.trained[from + i] ?? 0;
  return length;
}
