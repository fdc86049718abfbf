/**
 * Stems of words: the part that the forms of a word share (Porter, "An algorithm for suffix stripping", 1980, for English; Snowball for the
 * others). Models that count words need fewer examples with stems. A language model reads whole words: its tokenizer and its embeddings
 * serve their forms, so the step that does it is never suggested.
 */

import type { StopwordLanguage } from './stopwords';

type Stemmer = (word: string) => string;

/** Each language is loaded when it is used: 1 to 3 kB. */
const STEMMERS: { readonly [L in StopwordLanguage]: () => Promise<{ readonly stemmer: Stemmer }> } = {
  english: () => import('stemmer'),
  german: () => import('@orama/stemmers/german'),
  french: () => import('@orama/stemmers/french'),
  spanish: () => import('@orama/stemmers/spanish'),
  italian: () => import('@orama/stemmers/italian'),
  portuguese: () => import('@orama/stemmers/portuguese'),
  dutch: () => import('@orama/stemmers/dutch'),
};

/** Makes stems of the words of a text, in small letters. Words with digits, such as order numbers, stay, and so do marks. */
export async function textStemmer(language: StopwordLanguage): Promise<(text: string) => string> {
  const { stemmer } = await STEMMERS[language]();
  const known = new Map<string, string>();
  const stem = (word: string): string => {
    const small = word.toLowerCase().replace('’', "'");
    let found = known.get(small);
    if (found === undefined) {
      if (known.size >= MOST_KNOWN) known.clear();
      known.set(small, (found = stemmer(small)));
    }
    return found;
  };
  return (text) => text.replace(WORD, (word) => (/\d/.test(word) ? word : stem(word)));
}

/** Stems are kept for this many words. */
const MOST_KNOWN = 50_000;

/** Letters and digits, also with an apostrophe between them. */
const WORD = /[\p{L}\p{N}][\p{L}\p{M}\p{N}_]*(?:['’][\p{L}\p{M}]+)*/gu;
