/** One example as the page shows it: the tokens that the model reads with their texts, and the target in words. */

import { TextStream } from '../tokenizer/stream';
import type { TextTokenizer } from '../tokenizer/tokenizer';
import type { ExamplePreview, PreviewToken } from '../tokenizer/types';
import type { Document, Dropped, EncodingKind, EncodingSettings, Examples, Target, Whole } from './encoding';
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
  // Numbered tokens tell which of them are kept, whatever is cut and added.
  const numbered = withNumbers(whole);
  const cut = encoding.cut(tokenizer, numbered, sequenceLength);
  if ('dropped' in cut) return cut;
  const full = encoding.cut(tokenizer, numbered, Infinity);
  if ('dropped' in full) return full;
  const ids = whole.parts.flatMap((part) => [...part.ids]);
  const kept = new Set(cut.documents.flatMap((document) => [...document.ids]));
  const documents = full.documents.map((document) => tokensOf(tokenizer, document, ids, kept));
  const target = 'target' in settings ? targetWords(cut.target, settings.target) : marginWords(cut.target);
  const truncatedTrained = trainedIn(full.documents) - trainedIn(cut.documents);
  return { line: example.line, documents, target, truncated: cut.truncated, truncatedTrained };
}

/** The example with a negative number for each token: -1 for the first of all parts, -2 for the second and so on. */
function withNumbers(whole: Whole): Whole {
  let next = 0;
  return { ...whole, parts: whole.parts.map(({ ids, trained }) => ({ ids: Array.from(ids, () => --next), trained })) };
}

/** `numbered`: a document with numbers in place of the tokens in `ids`; the others are special tokens, which are never cut off. */
function tokensOf(
  tokenizer: TextTokenizer,
  numbered: Document,
  ids: readonly number[],
  kept: ReadonlySet<number>,
): PreviewToken[] {
  const stream = new TextStream(tokenizer, { skipSpecial: false });
  return Array.from(numbered.ids, (number, i) => {
    const id = number < 0 ? (ids[-1 - number] ?? 0) : number;
    // A token that ends inside a character has no text yet.
    const text = stream.push(id);
    const use = !kept.has(number) && number < 0 ? 'cut' : numbered.trained[i] === 1 ? 'trained' : 'read';
    return { id, text: text === '' ? '\ufffd' : text, use };
  });
}

const trainedIn = (documents: readonly Document[]): number =>
  documents.reduce((sum, { trained }) => sum + Array.from(trained).filter((flag) => flag === 1).length, 0);

/** The margin of a pair; null without one. */
function marginWords([margin]: readonly number[]): readonly string[] | null {
  return margin === undefined ? null : [`margin ${margin}`];
}

/** Names of the class or of the labels that are set, or numbers. */
function targetWords(values: readonly number[], target: Target): readonly string[] {
  if (target.kind === 'numbers') return values.map(String);
  if (target.kind === 'labels') return target.names.filter((_, i) => values[i] === 1);
  return values.map((index) => target.names[index] ?? '');
}
