/** One example as the page shows it: the tokens that the model reads with their texts, and the target in words. */

import { TextStream } from '../tokenizer/stream';
import type { TextTokenizer } from '../tokenizer/tokenizer';
import type { ExamplePreview, PreviewToken } from '../tokenizer/types';
import type { Document, Dropped, EncodingKind, EncodingSettings, Examples, Target } from './encoding';
import { ENCODINGS } from './index';

/** Without the place of the example among the others. */
type Preview = Omit<ExamplePreview, 'index' | 'count'>;

/** Encodes an example within `sequenceLength` tokens, or says why it can't be used. */
export function previewExample<K extends EncodingKind>(
  tokenizer: TextTokenizer,
  kind: K,
  example: Examples[K],
  settings: EncodingSettings[K],
  sequenceLength: number,
): Preview | Dropped {
  const encoding = ENCODINGS[kind];
  const whole = encoding.encode(tokenizer, example, settings);
  if ('dropped' in whole) return whole;
  const cut = encoding.cut(tokenizer, whole, sequenceLength);
  if ('dropped' in cut) return cut;
  const documents = cut.documents.map((document) => tokensOf(tokenizer, document));
  const target = 'target' in settings ? targetWords(cut.target, settings.target) : null;
  return { line: example.line, documents, target, truncated: cut.truncated };
}

function tokensOf(tokenizer: TextTokenizer, { ids, trained }: Document): PreviewToken[] {
  const stream = new TextStream(tokenizer, { skipSpecial: false });
  return Array.from(ids, (id, i) => {
    // A token that ends inside a character has no text yet.
    const text = stream.push(id);
    return { id, text: text === '' ? '\ufffd' : text, trained: trained[i] === 1 };
  });
}

/** Names of the class or of the labels that are set, or numbers. */
function targetWords(values: readonly number[], target: Target): readonly string[] {
  if (target.kind === 'numbers') return values.map(String);
  if (target.kind === 'labels') return target.names.filter((_, i) => values[i] === 1);
  return values.map((index) => target.names[index] ?? '');
}
