/** Turns examples into concatenated tokens, with statistics, split and hash. */

import { sha256 } from '../core/hash';
import { splitIndices } from '../dataset/split';
import type { Example } from '../dataset/types';
import type { Recipe } from '../recipe/recipe';
import { encodeWhole, keptLength } from '../tokenizer/encode';
import type { TextTokenizer } from '../tokenizer/tokenizer';
import { Growing } from './growing';
import { histogramOf } from './histogram';
import { createBatches } from './batches';
import type { EncodedDataset, EncodedSplit, EncodedStats } from './types';

/** The settings of a recipe that encoding and splitting depend on. */
export type DatasetSettings = Pick<Recipe, 'sequenceLength' | 'heldOutRatio' | 'seed' | 'lossOn'>;

type Dropped = EncodedStats['dropped'];

/** Every example in full length: depends on dataset, tokenizer and `lossOn` only, and takes nearly all the time of encoding. */
export interface WholeExamples {
  readonly whole: EncodedSplit;
  /** Examples that the chat template rejected. */
  readonly refused: Dropped;
}

/** The usable examples, truncated to the sequence length, before the split. */
export interface EncodedExamples {
  readonly all: EncodedSplit;
  readonly stats: Omit<EncodedStats, 'packedTokens'>;
}

const MAX_DROPPED = 500;

/** Encodes every example. */
export function encodeExamples(tokenizer: TextTokenizer, examples: readonly Example[], lossOn: Recipe['lossOn']): WholeExamples {
  const writer = new SplitWriter();
  const refused: { line: number; message: string }[] = [];
  for (const example of examples) {
    const encoded = encodeWhole(tokenizer, example, lossOn);
    if ('dropped' in encoded) refused.push({ line: example.line, message: encoded.dropped });
    else writer.add(encoded.ids, encoded.trained, example.line);
  }
  return { whole: writer.finish(), refused };
}

/** Truncates every example to the sequence length; examples without a trained token left are dropped, with line and reason. */
export function cutExamples({ whole, refused }: WholeExamples, sequenceLength: number): EncodedExamples {
  const writer = new SplitWriter();
  const dropped = [...refused];
  const lengths: number[] = [];
  let truncated = 0;
  whole.lines.forEach((line, i) => {
    const { ids, trained } = documentAt(whole, i);
    const kept = keptLength(trained, sequenceLength);
    if (typeof kept !== 'number') {
      dropped.push({ line, message: kept.dropped });
      return;
    }
    writer.add(ids.subarray(0, kept), trained.subarray(0, kept), line);
    lengths.push(ids.length);
    if (kept < ids.length) truncated++;
  });
  const all = writer.finish();
  return { all, stats: { ...statsOf(all, lengths), truncated, ...droppedOf(dropped) } };
}

function droppedOf(dropped: Dropped): Pick<EncodedStats, 'dropped' | 'droppedCount'> {
  const sorted = [...dropped].sort((a, b) => a.line - b.line);
  return { dropped: sorted.slice(0, MAX_DROPPED), droppedCount: sorted.length };
}

/** `lengths`: before truncation. */
function statsOf(all: EncodedSplit, lengths: readonly number[]) {
  const total = lengths.reduce((sum, length) => sum + length, 0);
  return {
    examples: lengths.length,
    tokens: all.ids.length,
    trainedTokens: all.trained.reduce((sum, flag) => sum + flag, 0),
    histogram: histogramOf(lengths),
    maxLength: lengths.reduce((most, length) => Math.max(most, length), 0),
    meanLength: lengths.length === 0 ? 0 : total / lengths.length,
  };
}

/** Splits by seed and hashes the result. All arrays are new, so that they can be transferred. */
export async function splitDataset({ all, stats }: EncodedExamples, settings: DatasetSettings): Promise<EncodedDataset> {
  const split = splitIndices(all.lines.length, settings.heldOutRatio, settings.seed);
  const train = gather(all, split.train);
  const heldOut = gather(all, split.heldOut);
  return { train, heldOut, hash: await hashOf(train, heldOut), stats: { ...stats, packedTokens: packedTokens(train, settings) } };
}

/** The statistics without the split arrays. */
export function measureDataset({ all, stats }: EncodedExamples, settings: DatasetSettings): EncodedStats {
  const split = splitIndices(all.lines.length, settings.heldOutRatio, settings.seed);
  return { ...stats, packedTokens: packedTokens(gather(all, split.train), settings) };
}

function packedTokens(train: EncodedSplit, { sequenceLength, seed }: DatasetSettings): number {
  return createBatches(train, { microBatch: 1, sequenceLength, seed }).rows(0) * sequenceLength;
}

/** The examples of `all` at `indices`, in that order. */
function gather(all: EncodedSplit, indices: Uint32Array): EncodedSplit {
  const writer = new SplitWriter();
  for (const index of indices) {
    const { ids, trained } = documentAt(all, index);
    writer.add(ids, trained, all.lines[index] ?? 0);
  }
  return writer.finish();
}

function documentAt(split: EncodedSplit, index: number): { ids: Int32Array; trained: Uint8Array } {
  const [from, to] = [split.offsets[index] ?? 0, split.offsets[index + 1] ?? 0];
  return { ids: split.ids.subarray(from, to), trained: split.trained.subarray(from, to) };
}

/** Concatenates examples. */
class SplitWriter {
  readonly #ids = new Growing(Int32Array);
  readonly #trained = new Growing(Uint8Array);
  readonly #offsets = [0];
  readonly #lines: number[] = [];

  add(ids: ArrayLike<number>, trained: ArrayLike<number>, line: number): void {
    this.#ids.push(ids);
    this.#trained.push(trained);
    this.#offsets.push(this.#ids.length);
    this.#lines.push(line);
  }

  finish(): EncodedSplit {
    return {
      ids: this.#ids.finish(),
      trained: this.#trained.finish(),
      offsets: Uint32Array.from(this.#offsets),
      lines: Uint32Array.from(this.#lines),
    };
  }
}

/** SHA-256 over the hashes of everything that training reads: tokens, mask and offsets of both splits. Line numbers are left out. */
async function hashOf(train: EncodedSplit, heldOut: EncodedSplit): Promise<string> {
  const arrays = [train, heldOut].flatMap((split) => [split.ids, split.trained, split.offsets]);
  const hashes = await Promise.all(arrays.map((array) => sha256(bytesOf(array))));
  return sha256(hashes.join());
}

function bytesOf(array: Int32Array | Uint8Array | Uint32Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(array.buffer as ArrayBuffer, array.byteOffset, array.byteLength);
}
