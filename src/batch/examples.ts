/** The examples of a dataset for an objective: those of next-token prediction, labelled ones, or pairs. */

import { CodedError, internal } from '../core/errors';
import type { Dataset } from '../dataset/dataset';
import { labelledExamples, labelNames } from '../dataset/labelled';
import { pairExamples } from '../dataset/pair';
import type { Example, LabelledExample } from '../dataset/types';
import type { EncodingKind, Target } from '../encoding/encoding';
import { previewExample } from '../encoding/preview';
import type { TextTokenizer } from '../tokenizer/tokenizer';
import type { ExamplePreview } from '../tokenizer/types';
import { encodeExamples, type ExamplesToEncode, type WholeExamples } from './encode';
import type { DatasetEncoding, LabelledEncoding } from './types';

/** The examples of a dataset for an objective, before they are encoded. */
export interface ReadyExamples {
  readonly count: number;
  /** All of them in full length. */
  readonly encode: () => WholeExamples;
  /** One of them; an index past the end gives the last one. Throws data/no-examples, with the reason, when it can't be used. */
  readonly preview: (index: number, sequenceLength: number) => ExamplePreview;
}

/** Throws data/columns when labels can't be classes. */
export function readyExamples(
  tokenizer: TextTokenizer,
  { table, mapping, examples }: Dataset,
  lossOn: 'assistant' | 'all',
  encoding: DatasetEncoding | undefined,
): ReadyExamples {
  if (encoding === undefined) return readyTexts(tokenizer, examples, lossOn);
  if (encoding.kind === 'pair') return ready(tokenizer, { kind: 'pair', ...pairExamples(table, mapping), settings: {} });
  const labelled = labelledExamples(table, mapping, encoding.labels);
  const target = targetOf(labelled.examples, encoding);
  return ready(tokenizer, { kind: 'labelled', ...labelled, settings: { target } });
}

/** All examples of a format are of one kind. */
function readyTexts(tokenizer: TextTokenizer, examples: readonly Example[], lossOn: 'assistant' | 'all'): ReadyExamples {
  const chats = examples.filter((example) => example.kind === 'chat');
  const texts = examples.filter((example) => example.kind === 'text');
  if (chats.length > 0 && texts.length > 0) throw internal('the dataset has conversations and texts');
  if (texts.length > 0) return ready(tokenizer, { kind: 'text', examples: texts, settings: {}, problems: [] });
  return ready(tokenizer, { kind: 'chat', examples: chats, settings: { lossOn }, problems: [] });
}

function ready<K extends EncodingKind>(tokenizer: TextTokenizer, input: ExamplesToEncode<K>): ReadyExamples {
  return {
    count: input.examples.length,
    encode: () => encodeExamples(tokenizer, input),
    preview: (index, sequenceLength) => previewAt(tokenizer, input, index, sequenceLength),
  };
}

function previewAt<K extends EncodingKind>(
  tokenizer: TextTokenizer,
  { kind, examples, settings, problems }: ExamplesToEncode<K>,
  wanted: number,
  sequenceLength: number,
): ExamplePreview {
  const count = examples.length;
  const index = Math.min(wanted, count - 1);
  const example = examples[index];
  if (example === undefined) {
    const [first] = problems;
    const why = first === undefined ? '' : ` For example line ${first.line}: ${first.message}`;
    throw new CodedError('data/no-examples', `No row can be shown.${why}`);
  }
  const preview = previewExample(tokenizer, kind, example, settings, sequenceLength);
  if ('dropped' in preview) throw new CodedError('data/no-examples', `Line ${example.line} can't be shown. ${preview.dropped}`);
  return { index, count, ...preview };
}

function targetOf(examples: readonly LabelledExample[], { labels, names }: LabelledEncoding): Target {
  if (labels === 'numbers') return { kind: 'numbers', count: examples[0]?.labels.length ?? 1 };
  return { kind: labels === 'one' ? 'class' : 'labels', names: names ?? labelNames(examples) };
}
