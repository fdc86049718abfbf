/** The examples of a dataset for an objective: those of next-token prediction, labelled ones, pairs, or rated answers. */

import { CodedError, internal } from '../core/errors';
import { eachExample, isProblem, type Built } from '../dataset/cells';
import type { Dataset, Examples } from '../dataset/dataset';
import { LabelCount, labelledExamples } from '../dataset/labelled';
import { pairExamples } from '../dataset/pair';
import { unpairedExamples } from '../dataset/unpaired';
import { lineWords, type FileLines } from '../core/places';
import { originOf, type Placed } from '../dataset/row-origin';
import { NO_PROBLEMS, type Problems } from '../dataset/problems';
import type { Example } from '../dataset/types';
import type { EncodingKind, Target } from '../encoding/encoding';
import { roomFor } from '../encoding';
import { previewExample } from '../encoding/preview';
import { RATINGS } from '../recipe/objectives';
import type { TextTokenizer } from '../tokenizer/tokenizer';
import type { ExamplePreview } from '../tokenizer/types';
import { encodeExamples, type ExamplesToEncode, type WholeExamples } from './encode';
import type { DatasetEncoding, LabelledEncoding } from './types';

/** The examples of a dataset for an objective, before they are encoded. */
export interface ReadyExamples {
  readonly count: number;
  /** All of them in full length, or the first until there are `most` tokens. */
  readonly encode: (most: number) => Promise<WholeExamples>;
  /** One of them; an index past the end gives the last one. Throws data/no-examples, with the reason, when it can't be used. */
  readonly preview: (index: number, sequenceLength: number, virtualTokens?: number) => Promise<ExamplePreview>;
  /** The index of the first example of the row with that origin; null for a row that gives none. */
  readonly indexOf: (origin: number) => Promise<number | null>;
}

/** Throws data/columns when labels can't be classes. */
export async function readyExamples(
  tokenizer: TextTokenizer,
  { table, mapping, examples }: Dataset,
  lossOn: 'assistant' | 'all',
  encoding: DatasetEncoding | undefined,
): Promise<ReadyExamples> {
  const { files } = table;
  if (encoding === undefined) return readyTexts(tokenizer, examples, lossOn, files);
  if (encoding.kind === 'pair') {
    const settings = { margins: encoding.margins === true && mapping.roles.includes('margin') };
    return readyAnswers(tokenizer, { kind: 'pair', examples: pairExamples(table, mapping), settings }, files);
  }
  if (encoding.kind === 'rated') {
    const settings = { target: { kind: 'class', names: RATINGS } } as const;
    return readyAnswers(tokenizer, { kind: 'rated', examples: unpairedExamples(table, mapping), settings }, files);
  }
  const labelled = labelledExamples(table, mapping, encoding.labels);
  const labels = new LabelCount();
  const problems = await eachExample(labelled, (example) => labels.add(example));
  const settings = { target: targetOf(labels, encoding) };
  return ready(tokenizer, { kind: 'labelled', examples: labelled, settings }, { count: labels.examples, problems, files });
}

/** All examples of a format are of one kind. */
function readyTexts(
  tokenizer: TextTokenizer,
  examples: Examples,
  lossOn: 'assistant' | 'all',
  files: Found['files'],
): ReadyExamples {
  const found = { count: examples.count, problems: NO_PROBLEMS, files };
  if (examples.head[0]?.kind === 'text') {
    const texts = only(examples, (example) => example.kind === 'text');
    return ready(tokenizer, { kind: 'text', examples: texts, settings: {} }, found);
  }
  const chats = only(examples, (example) => example.kind === 'chat');
  return ready(tokenizer, { kind: 'chat', examples: chats, settings: { lossOn } }, found);
}

/** The examples, each of which must be of one kind. Rows without one are left out: the dataset has them. */
function only<T extends Example>(examples: Built<Example>, isOne: (example: Example) => example is T): Built<T> {
  return {
    async *read() {
      for await (const chunk of examples.read()) {
        yield chunk.flatMap((one) => {
          if (isProblem(one)) return [];
          if (!isOne(one)) throw internal('the dataset has conversations and texts');
          return [one];
        });
      }
    },
  };
}

async function readyAnswers<K extends EncodingKind>(
  tokenizer: TextTokenizer,
  input: ExamplesToEncode<K>,
  files: Found['files'],
): Promise<ReadyExamples> {
  let count = 0;
  const problems = await eachExample<object>(input.examples, () => count++);
  return ready(tokenizer, input, { count, problems, files });
}

/** How many examples there are, the rows that give none, and the files of the rows. */
interface Found {
  readonly count: number;
  readonly problems: Problems;
  readonly files: readonly FileLines[] | undefined;
}

function ready<K extends EncodingKind>(tokenizer: TextTokenizer, input: ExamplesToEncode<K>, found: Found): ReadyExamples {
  const { count } = found;
  return {
    count,
    encode: (most) => encodeExamples(tokenizer, input, most),
    preview: async (wanted, sequenceLength, virtualTokens = 0) => {
      const index = Math.min(wanted, count - 1);
      const example = index < 0 ? null : await exampleOf(input.examples, index);
      if (example === null) throw nothingToShow(found);
      const room = roomFor(input.kind, sequenceLength, virtualTokens);
      const preview = previewExample(tokenizer, input.kind, example, input.settings, room);
      if ('dropped' in preview) throw notShown(lineWords(found.files, example.line), preview.dropped);
      return { index, count, ...preview };
    },
    indexOf: (origin) => indexOf(input.examples, origin),
  };
}

async function indexOf(examples: Built<Placed>, origin: number): Promise<number | null> {
  let at = 0;
  for await (const chunk of examples.read()) {
    for (const one of chunk) {
      if (isProblem(one)) continue;
      if (originOf(one) === origin) return at;
      at++;
    }
  }
  return null;
}

/** The example at an index. */
async function exampleOf<T extends object>(examples: Built<T>, index: number): Promise<T | null> {
  let at = 0;
  for await (const chunk of examples.read()) {
    for (const one of chunk) {
      if (!isProblem(one) && at++ === index) return one;
    }
  }
  return null;
}

function nothingToShow({ problems: { first }, files }: Found): CodedError {
  const [one] = first;
  const why = one === undefined ? '' : ` For example ${lineWords(files, one.line)}: ${one.message}`;
  return new CodedError('data/no-examples', `No row can be shown.${why}`);
}

function notShown(place: string, reason: string): CodedError {
  return new CodedError('data/no-examples', `${place.replace(/^l/, 'L')} can't be shown. ${reason}`);
}

function targetOf(found: LabelCount, { labels, names }: LabelledEncoding): Target {
  if (labels === 'numbers') return { kind: 'numbers', count: found.examples === 0 ? 1 : found.width };
  return { kind: labels === 'one' ? 'class' : 'labels', names: names ?? found.sorted() };
}
