/** The examples of a dataset for an objective: those of next-token prediction, labelled ones, or pairs. */

import { internal } from '../core/errors';
import type { Dataset } from '../dataset/dataset';
import { labelledExamples, labelNames } from '../dataset/labelled';
import { pairExamples } from '../dataset/pair';
import type { Example, LabelledExample } from '../dataset/types';
import type { Target } from '../encoding/encoding';
import type { TextTokenizer } from '../tokenizer/tokenizer';
import { encodeExamples, type WholeExamples } from './encode';
import type { DatasetEncoding, LabelledEncoding } from './types';

/** Encodes a dataset in full length. Throws data/columns when its labels can't be classes. */
export function encodeDataset(
  tokenizer: TextTokenizer,
  { table, mapping, examples }: Dataset,
  lossOn: 'assistant' | 'all',
  encoding: DatasetEncoding | undefined,
): WholeExamples {
  if (encoding === undefined) return encodeTexts(tokenizer, examples, lossOn);
  if (encoding.kind === 'pair') return encodeExamples(tokenizer, { kind: 'pair', ...pairExamples(table, mapping), settings: {} });
  const labelled = labelledExamples(table, mapping, encoding.labels);
  const target = targetOf(labelled.examples, encoding);
  return encodeExamples(tokenizer, { kind: 'labelled', ...labelled, settings: { target } });
}

/** All examples of a format are of one kind. */
function encodeTexts(tokenizer: TextTokenizer, examples: readonly Example[], lossOn: 'assistant' | 'all'): WholeExamples {
  const chats = examples.filter((example) => example.kind === 'chat');
  const texts = examples.filter((example) => example.kind === 'text');
  if (chats.length > 0 && texts.length > 0) throw internal('the dataset has conversations and texts');
  if (texts.length > 0) return encodeExamples(tokenizer, { kind: 'text', examples: texts, settings: {}, problems: [] });
  return encodeExamples(tokenizer, { kind: 'chat', examples: chats, settings: { lossOn }, problems: [] });
}

function targetOf(examples: readonly LabelledExample[], { labels, names }: LabelledEncoding): Target {
  if (labels === 'numbers') return { kind: 'numbers', count: examples[0]?.labels.length ?? 1 };
  return { kind: labels === 'one' ? 'class' : 'labels', names: names ?? labelNames(examples) };
}
