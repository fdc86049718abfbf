/** The order of documents and rows in an epoch: a pure function of (seed, epoch). */

import { permutation, STREAM } from '../core/random';
import { packFirstFit, type Packing } from './pack';

/** Token counts of the documents. */
export function lengthsOf(offsets: Uint32Array): Uint32Array {
  return Uint32Array.from({ length: Math.max(0, offsets.length - 1) }, (_, i) => (offsets[i + 1] ?? 0) - (offsets[i] ?? 0));
}

/**
 * The rows of an epoch: documents shuffled, packed, and the rows shuffled again, because first fit leaves the emptiest ones at
 * the end.
 */
export function packEpoch(lengths: Uint32Array, rowLength: number, seed: number, epoch: number): Packing {
  const packing = packFirstFit(lengths, permutation(lengths.length, seed, epoch, STREAM.shuffle), rowLength);
  return reorderRows(packing, permutation(packing.starts.length - 1, seed, epoch, STREAM.shuffle));
}

/** The rows of a fixed order, for measuring: documents as they stand in the file. */
export function packInOrder(lengths: Uint32Array, rowLength: number): Packing {
  return packFirstFit(lengths, Uint32Array.from(lengths.keys()), rowLength);
}

function reorderRows({ docs, starts }: Packing, order: Uint32Array): Packing {
  const result = { docs: new Uint32Array(docs.length), starts: new Uint32Array(starts.length) };
  let at = 0;
  order.forEach((row, i) => {
    const part = docs.subarray(starts[row] ?? 0, starts[row + 1] ?? 0);
    result.docs.set(part, at);
    at += part.length;
    result.starts[i + 1] = at;
  });
  return result;
}
