/** Turns examples into concatenated tokens, with statistics, split and hash. */

import { pauses } from '../core/event-loop';
import { sha256 } from '../core/hash';
import { isProblem, type Built } from '../dataset/cells';
import { joinProblems, NO_PROBLEMS, ProblemList, type Problems } from '../dataset/problems';
import type { PartName } from '../dataset/split/split';
import { originOf } from '../dataset/row-origin';
import { ENCODINGS, roomFor } from '../encoding';
import type { Encoded, EncodingKind, EncodingSettings, Examples, Tokens } from '../encoding/encoding';
import type { Recipe } from '../recipe/recipe';
import { addCounts, NO_ANSWERS, type AnswerCounts } from '../tokenizer/spans';
import type { TextTokenizer } from '../tokenizer/tokenizer';
import { createBatches } from './batches';
import { histogramOf } from './histogram';
import { countParts, scaledParts, usedIn, type ExampleParts } from './example-parts';
import { planSlots } from './slots';
import { arraysOf, exampleAt, SplitWriter } from './split-writer';
import type { DatasetEncoding, EncodedDataset, EncodedSplit, EncodedStats, ExampleLayout, MixedSource } from './types';
import { WholeStore } from './whole-store';

/** The settings of a recipe that encoding and splitting depend on. */
export type DatasetSettings = Pick<Recipe, 'sequenceLength' | 'heldOutRatio' | 'seed' | 'lossOn'> & {
  /** Virtual tokens at the start of each document; none when absent. */
  readonly virtualTokens?: number;
  /** None when absent. */
  readonly testRatio?: Recipe['testRatio'];
  /** At random when absent. */
  readonly split?: Recipe['split'];
  /** Absent for next-token prediction. */
  readonly encoding?: DatasetEncoding;
  /** The steps that clean the rows; those that the dataset has when absent. */
  readonly dataSteps?: Recipe['dataSteps'];
};

/** A kind of examples, and what encoding them depends on. */
interface KindToEncode<K extends EncodingKind> {
  readonly kind: K;
  readonly settings: EncodingSettings[K];
}

/** Examples of one kind that are read from rows. */
export interface ExamplesToEncode<K extends EncodingKind = EncodingKind> extends KindToEncode<K> {
  readonly examples: Built<Examples[K]>;
}

/** Every example in full length: takes nearly all the time of encoding, and does not depend on the sequence length. */
export interface WholeExamples {
  readonly kind: EncodingKind;
  readonly layout: ExampleLayout | null;
  readonly whole: WholeStore;
  /** Rows that gave no example, and examples that could not be encoded. */
  readonly refused: Problems;
  /** Of all conversations: the answers of which the chat template does not show all. */
  readonly answers: AnswerCounts;
}

/** The usable examples, truncated to the sequence length, before the split. */
export interface EncodedExamples {
  readonly layout: ExampleLayout | null;
  readonly all: EncodedSplit;
  /** The row of the file that each example is made of. */
  readonly origins: readonly number[];
  readonly stats: Omit<EncodedStats, 'packedTokens' | 'slots' | 'parts'>;
}

/** Encodes the examples of rows that are read, until there are `most` tokens: the result then has as many or some more. */
export async function encodeExamples<K extends EncodingKind>(
  tokenizer: TextTokenizer,
  { examples, ...input }: ExamplesToEncode<K>,
  most = Infinity,
): Promise<WholeExamples> {
  const encoder = new Encoder(tokenizer, input);
  const problems = new ProblemList();
  const pause = pauses();
  for await (const chunk of examples.read()) {
    for (const one of chunk) {
      if (isProblem(one)) problems.add(one);
      else encoder.add(one);
      const paused = pause();
      if (paused !== undefined) await paused;
    }
    if (encoder.tokens >= most) break;
  }
  return encoder.finish(problems);
}

/** Encodes examples that are at hand. */
export function encodeAll<K extends EncodingKind>(
  tokenizer: TextTokenizer,
  { examples, ...input }: KindToEncode<K> & { readonly examples: readonly Examples[K][] },
): WholeExamples {
  const encoder = new Encoder(tokenizer, input);
  for (const example of examples) encoder.add(example);
  return encoder.finish(NO_PROBLEMS);
}

class Encoder<K extends EncodingKind> {
  readonly #tokenizer: TextTokenizer;
  readonly #input: KindToEncode<K>;
  readonly #whole = new WholeStore();
  readonly #refused = new ProblemList();
  #answers = NO_ANSWERS;

  constructor(tokenizer: TextTokenizer, input: KindToEncode<K>) {
    this.#tokenizer = tokenizer;
    this.#input = input;
  }

  get tokens(): number {
    return this.#whole.tokens;
  }

  add(example: Examples[K]): void {
    const { kind, settings } = this.#input;
    const encoded = ENCODINGS[kind].encode(this.#tokenizer, example, settings);
    if ('dropped' in encoded) {
      this.#refused.add({ line: example.line, message: encoded.dropped });
      return;
    }
    this.#whole.add(encoded, example);
    if (encoded.answers !== undefined) this.#answers = addCounts(this.#answers, encoded.answers);
  }

  /** `problems`: rows that gave no example. */
  finish(problems: Problems): WholeExamples {
    const refused = joinProblems([problems, this.#refused]);
    return { kind: this.#input.kind, layout: layoutOf(this.#input), whole: this.#whole, refused, answers: this.#answers };
  }
}

/** Null for one document without further inputs. */
function layoutOf<K extends EncodingKind>({ kind, settings }: KindToEncode<K>): ExampleLayout | null {
  const encoding = ENCODINGS[kind];
  const { documents } = encoding;
  const columns = encoding.columns(settings);
  if (documents === 1 && columns.length === 0) return null;
  const names = 'target' in settings && settings.target.kind !== 'numbers' ? settings.target.names : [];
  return { kind, documents, columns, names };
}

/**
 * Truncates every example to the sequence length, in which each of its documents has `virtualTokens` virtual tokens; examples of which too
 * little remains are dropped, with line and reason.
 */
export function cutExamples(
  tokenizer: TextTokenizer,
  { kind, layout, whole, refused }: WholeExamples,
  sequenceLength: number,
  virtualTokens = 0,
): EncodedExamples {
  const room = roomFor(kind, sequenceLength, virtualTokens);
  const writer = new SplitWriter();
  const dropped = new ProblemList();
  const lengths: number[] = [];
  const origins: number[] = [];
  let [truncated, cutTokens, cutTrained] = [0, 0, 0];
  for (const [place, example] of whole.entries()) {
    const { line } = place;
    const cut = ENCODINGS[kind].cut(tokenizer, example, room);
    if ('dropped' in cut) {
      dropped.add({ line, message: cut.dropped });
      continue;
    }
    writer.add({ ...cut, line });
    lengths.push(fullLength(cut));
    origins.push(originOf(place));
    if (cut.truncated === 0) continue;
    truncated++;
    cutTokens += cut.truncated;
    cutTrained += trainedIn(example.parts) - trainedIn(cut.documents);
  }
  const all = writer.finish();
  const cutOff = truncated > 0 && { cutOff: { tokens: cutTokens, trained: cutTrained } };
  return {
    layout,
    all,
    origins,
    stats: { ...statsOf(all, lengths), truncated, ...cutOff, ...droppedOf(joinProblems([refused, dropped])) },
  };
}

function trainedIn(parts: readonly Pick<Tokens, 'trained'>[]): number {
  let count = 0;
  for (const { trained } of parts) for (const flag of trained) count += flag;
  return count;
}

/** Tokens of an example before truncation. */
function fullLength({ documents, truncated }: Encoded): number {
  return documents.reduce((sum, { ids }) => sum + ids.length, truncated);
}

function droppedOf({ first, count }: Problems): Pick<EncodedStats, 'dropped' | 'droppedCount'> {
  return { dropped: first, droppedCount: count };
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

/** The parts of the examples, with their statistics and hash. All arrays are new, so that they can be transferred. */
export async function splitDataset(
  encoded: EncodedExamples,
  settings: DatasetSettings,
  split: ExampleParts,
): Promise<EncodedDataset> {
  const { layout, stats } = encoded;
  const of = (part: PartName): EncodedSplit => gather(encoded, usedIn(split, part));
  const [train, heldOut, test] = [of('train'), of('heldOut'), of('test')];
  const hasTest = test.lines.length > 0;
  return {
    ...(layout !== null && { layout }),
    train,
    heldOut,
    ...(hasTest && { test }),
    hash: await hashOf(hasTest ? [train, heldOut, test] : [train, heldOut], layout),
    stats: { ...stats, ...packed(train, layout, settings), parts: countParts(encoded, split) },
  };
}

/** What the first examples tell of all of them: every count times `factor`. */
export function estimated(stats: EncodedStats, factor: number): EncodedStats {
  const scaled = (count: number): number => Math.round(count * factor);
  return {
    ...stats,
    examples: scaled(stats.examples),
    tokens: scaled(stats.tokens),
    trainedTokens: scaled(stats.trainedTokens),
    truncated: scaled(stats.truncated),
    droppedCount: scaled(stats.droppedCount),
    packedTokens: scaled(stats.packedTokens),
    ...(stats.parts && { parts: scaledParts(stats.parts, scaled) }),
    histogram: { ...stats.histogram, counts: stats.histogram.counts.map(scaled) },
    ...(stats.cutOff && { cutOff: { tokens: scaled(stats.cutOff.tokens), trained: scaled(stats.cutOff.trained) } }),
    estimatedFrom: stats.examples,
  };
}

/** The statistics without the arrays. */
export function measureDataset(encoded: EncodedExamples, settings: DatasetSettings, split: ExampleParts): EncodedStats {
  const train = gather(encoded, usedIn(split, 'train'));
  return { ...encoded.stats, ...packed(train, encoded.layout, settings), parts: countParts(encoded, split) };
}

/** The rows of the first epoch, in tokens, and the slots of examples with a layout. `sources`: of a mixture. */
export function packed(
  train: EncodedSplit,
  layout: ExampleLayout | null,
  settings: Pick<DatasetSettings, 'sequenceLength' | 'seed' | 'virtualTokens'>,
  sources?: readonly MixedSource[],
): Pick<EncodedStats, 'packedTokens' | 'slots'> {
  const { sequenceLength, seed, virtualTokens = 0 } = settings;
  const slots = layout === null ? undefined : planSlots(train, layout, sequenceLength, 'last', virtualTokens);
  const planned = { ...(slots && { slots }), ...(sources && { sources }) };
  const batches = createBatches(train, { microBatch: 1, sequenceLength, virtualTokens, seed, ...planned });
  return {
    packedTokens: batches.rows(0) * sequenceLength,
    ...(slots && { slots: { layout: slots.layout, perRow: slots.perRow } }),
  };
}

/** The examples at `indices`, in that order. */
function gather({ all, layout }: EncodedExamples, indices: Uint32Array): EncodedSplit {
  const writer = new SplitWriter();
  for (const index of indices) writer.add(exampleAt(all, index, layout?.documents ?? 1));
  return writer.finish();
}

/**
 * SHA-256 over the hashes of everything that a run reads: tokens, mask and offsets of all parts, type ids and targets, and the layout. Line
 * numbers are left out.
 */
export async function hashOf(parts: readonly EncodedSplit[], layout: ExampleLayout | null): Promise<string> {
  const arrays = parts.flatMap((split) => arraysOf(split).data);
  const hashes = await Promise.all(arrays.map((array) => sha256(bytesOf(array))));
  return sha256(hashes.join() + (layout === null ? '' : JSON.stringify(layout)));
}

function bytesOf(array: ArrayBufferView): Uint8Array<ArrayBuffer> {
  return new Uint8Array(array.buffer as ArrayBuffer, array.byteOffset, array.byteLength);
}
