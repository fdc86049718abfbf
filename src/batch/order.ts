/** The order of documents and rows: a pure function of (lengths, seed, epoch). */

import type { Numerics } from '../core/numerics';
import { permutation, STREAM } from '../core/random';
import type { Recipe } from '../recipe/recipe';
import { packFirstFit, type Packing, type RowSize } from './pack';
import { drawnIn } from './sources';
import type { MixedSource } from './types';

/** Token counts of the documents. */
export function lengthsOf(offsets: Uint32Array): Uint32Array {
  return Uint32Array.from({ length: Math.max(0, offsets.length - 1) }, (_, i) => (offsets[i + 1] ?? 0) - (offsets[i] ?? 0));
}

/** Token counts of the examples: of all of their documents together, with the virtual tokens of each. */
export function exampleLengths(offsets: Uint32Array, documents: number, virtualTokens = 0): Uint32Array {
  const ends = offsets.filter((_, i) => i % documents === 0);
  return lengthsOf(ends).map((length) => length + documents * virtualTokens);
}

/** What the order of an epoch depends on, besides the lengths. */
interface EpochOrder {
  readonly seed: number;
  readonly epoch: number;
  readonly numerics: Numerics;
  readonly order: Recipe['order'];
  /** Of a mixture. */
  readonly sources?: readonly MixedSource[];
  /** Of each example, for the order `easy-first`. */
  readonly difficulty?: Float32Array;
}

/**
 * The rows of an epoch: documents are shuffled and packed, then the rows are shuffled, because first fit leaves the emptiest
 * rows at the end. The two orders need separate random streams: with one stream the second shuffle partly undoes the first.
 * The first epoch of `short-first` goes from short documents to long ones; that with a `difficulty` from easy rows to hard ones.
 */
export function packEpoch(lengths: Uint32Array, row: RowSize, epochOrder: EpochOrder): Packing {
  const { seed, epoch, numerics, order, difficulty } = epochOrder;
  const shuffled = shuffledDocuments(lengths.length, epochOrder);
  if (order === 'short-first' && epoch === 0) return packFirstFit(lengths, fromShortToLong(lengths, shuffled), row);
  const packing = packFirstFit(lengths, shuffled, row);
  const rowStream = numerics === 1 ? STREAM.shuffle : STREAM.shuffleRows;
  const rows = permutation(packing.starts.length - 1, seed, epoch, rowStream);
  const sorts = difficulty !== undefined && epoch === 0;
  return reorderRows(packing, sorts ? fromEasyToHard(packing, rows, difficulty) : rows);
}

function shuffledDocuments(count: number, { seed, epoch, sources }: EpochOrder): Uint32Array {
  if (sources === undefined) return permutation(count, seed, epoch, STREAM.shuffle);
  const drawn = drawnIn(sources, epoch, seed);
  return permutation(drawn.length, seed, epoch, STREAM.shuffle).map((i) => drawn[i] ?? 0);
}

/**
 * The rows by the mean difficulty of their documents, each with the documents of the shuffled packing: an epoch has as many rows in either
 * order, so that the steps of a run are known before the difficulties are. Rows of equal means stay in the shuffled order.
 */
function fromEasyToHard({ docs, starts }: Packing, rows: Uint32Array, difficulty: Float32Array): Uint32Array {
  const means = Array.from({ length: starts.length - 1 }, (_, row) => {
    const inRow = docs.subarray(starts[row] ?? 0, starts[row + 1] ?? 0);
    return inRow.reduce((sum, doc) => sum + (difficulty[doc] ?? 0), 0) / Math.max(1, inRow.length);
  });
  return rows.slice().sort((a, b) => (means[a] ?? 0) - (means[b] ?? 0));
}

/** Documents are put into this many groups of about equal numbers, by their lengths. */
const GROUPS = 10;

/**
 * The groups from the shortest documents to the longest; the order inside a group stays. Documents of one length are in one group. Then
 * first fit leaves no holes for longer documents: a row before the newest one has refused a document that was no longer, so only the last
 * row of a group has documents of the next.
 */
function fromShortToLong(lengths: Uint32Array, order: Uint32Array): Uint32Array {
  const sorted = lengths.slice().sort();
  const limits = Array.from({ length: GROUPS }, (_, group) => sorted[Math.floor((group * sorted.length) / GROUPS)] ?? 0);
  const groupOf = (length: number): number => limits.findLastIndex((least) => least <= length);
  const groups = lengths.map(groupOf);
  return order.slice().sort((a, b) => (groups[a] ?? 0) - (groups[b] ?? 0));
}

/**
 * A seeded sample of whole documents with at most `tokens` tokens, at least one document; all documents when they fit. Ascending
 * indices.
 */
export function sampleDocuments(lengths: Uint32Array, tokens: number, seed: number): Uint32Array {
  const order = permutation(lengths.length, seed, 0, STREAM.measure);
  let count = 0;
  for (let left = tokens; count < order.length; count++) {
    left -= lengths[order[count] ?? 0] ?? 0;
    if (left < 0) break;
  }
  return order.slice(0, Math.max(1, count)).sort();
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
