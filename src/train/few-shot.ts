/**
 * The base prompted with examples (few-shot): they stand before each document that is measured, as earlier turns of its conversation, and
 * no loss counts them. What the loss counts is the same as without them.
 */

import { SplitWriter } from '../batch/split-writer';
import type { Batch, EncodedSplit } from '../batch/types';
import type { RunShot } from '../checkpoint/types';
import { CodedError } from '../core/errors';
import type { Message } from '../dataset/types';
import { encodePrompt } from '../tokenizer/encode';
import type { TextTokenizer } from '../tokenizer/tokenizer';

type Ids = readonly number[];

interface Document {
  readonly ids: Ids;
  readonly trained: Ids;
}

/** Documents with examples before them. */
export interface PromptedDocuments {
  readonly split: EncodedSplit;
  /** Tokens of the longest document. */
  readonly longest: number;
  /** Examples before each document. */
  readonly shots: number;
}

/** Where examples stand in a conversation, by the chat template. */
interface Place {
  /** The tokens with which the first turn of a user opens: the examples come before them. */
  readonly opening: Ids;
  /** The tokens of the first k examples. */
  readonly examples: (count: number) => Ids;
}

/** First words of a turn: no token that all of them share is one of the text. */
const FIRST = 'Q';
const OTHERS = ['7', ' q', '\nq', '.'];

/**
 * The documents of `batches` with as many of `shots` as the longest of them leaves room for in `context` tokens: each has the same ones.
 * Throws `data/too-long` when there is room for none, `model/template` when the chat template shows earlier turns in another way or a
 * document has no turn of a user.
 */
export function promptedDocuments(
  batches: readonly Batch[],
  shots: readonly RunShot[],
  tokenizer: TextTokenizer,
  context: number,
): PromptedDocuments {
  const documents = batches.flatMap(documentsOf);
  const longest = documents.reduce((most, { ids }) => Math.max(most, ids.length), 0);
  const place = placeOf(tokenizer, shots);
  const { count, examples } = fitting(place, shots.length, context - longest);
  const writer = new SplitWriter();
  for (const [line, document] of documents.entries())
    writer.add({ documents: [withExamples(document, place.opening, examples)], target: [], line });
  return { split: writer.finish(), longest: longest + examples.length, shots: count };
}

/** The documents of a batch of next-token prediction, without virtual tokens. */
function documentsOf({ ids, positions, segments, weights }: Batch): readonly Document[] {
  const documents: { ids: number[]; trained: number[] }[] = [];
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] ?? -1;
    if ((segments[i] ?? -1) < 0) continue;
    if (positions[i] === 0) documents.push({ ids: [], trained: [] });
    if (id < 0) continue;
    documents.at(-1)?.ids.push(id);
    // The weight of a token stands at the one that predicts it.
    documents.at(-1)?.trained.push(positions[i] === 0 ? 0 : (weights[i - 1] ?? 0));
  }
  return documents;
}

function placeOf(tokenizer: TextTokenizer, shots: readonly RunShot[]): Place {
  const prompt = (before: readonly Message[], content: string): Ids =>
    encodePrompt(tokenizer, { messages: [...before, { role: 'user', content }] });
  const prompted = (count: number) =>
    prompt(
      shots.slice(0, count).flatMap(({ messages }) => messages),
      FIRST,
    );
  const alone = prompt([], FIRST);
  const head = alone.length - sharedEnd(alone, prompted(shots.length));
  const turn = alone.slice(head);
  const opening = OTHERS.map((text) => prompt([], text).slice(head)).reduce(
    (shared, other) => shared.slice(0, sharedStart(shared, other)),
    turn,
  );
  if (opening.length === 0) throw noPlace();
  const examples = (count: number): Ids => {
    const all = prompted(count);
    const end = all.length - turn.length;
    if (end < head || sharedStart(all, alone) < head || sharedEnd(all, turn) < turn.length) throw noPlace();
    return all.slice(head, end);
  };
  return { opening, examples };
}

/** As many examples as fit into `room` tokens. */
function fitting({ examples }: Place, most: number, room: number): { readonly count: number; readonly examples: Ids } {
  for (let count = most; count > 0; count--) {
    const found = examples(count);
    if (found.length <= room) return { count, examples: found };
  }
  throw new CodedError(
    'data/too-long',
    'Not even one example fits before the longest row: the model can’t read as many tokens. Measure on a file with shorter rows.',
  );
}

function withExamples({ ids, trained }: Document, opening: Ids, examples: Ids): Document {
  const at = ids.findIndex((_, start) => opening.every((id, i) => ids[start + i] === id));
  if (at < 0) throw noPlace();
  return {
    ids: [...ids.slice(0, at), ...examples, ...ids.slice(at)],
    trained: [...trained.slice(0, at), ...examples.map(() => 0), ...trained.slice(at)],
  };
}

function sharedStart(a: Ids, b: Ids): number {
  const at = a.findIndex((id, i) => id !== b[i]);
  return at < 0 ? a.length : at;
}

const sharedEnd = (a: Ids, b: Ids) => sharedStart(a.toReversed(), b.toReversed());

function noPlace(): CodedError {
  return new CodedError(
    'model/template',
    'The chat template of this model does not show examples as earlier turns before every row, so that the base with examples can’t be measured. Compare answers in “Try”.',
  );
}
