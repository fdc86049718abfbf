/** What texts are written in, by their letters and their most frequent words. */

import { STOPWORD_LANGUAGES, stopwordsOf } from './stopwords';

const SCRIPTS = ['Latin', 'Cyrillic', 'Greek', 'Han', 'Hiragana', 'Hangul', 'Arabic', 'Hebrew', 'Devanagari', 'Thai'] as const;
const PATTERNS = SCRIPTS.map((script) => [script, new RegExp(`\\p{Script=${script}}`, 'gu')] as const);

/** A script has at least this share of a text's letters: names and quotations may be in another one. */
const LEAST_SHARE = 0.2;

/** The scripts that a text is written in; of ten. */
export function scriptsOf(text: string): readonly string[] {
  const letters = text.match(/\p{L}/gu)?.length ?? 0;
  if (letters === 0) return [];
  return PATTERNS.flatMap(([script, pattern]) => {
    return (text.match(pattern)?.length ?? 0) >= LEAST_SHARE * letters ? [script] : [];
  });
}

/** How many words of a text are among the most frequent words of each language. Languages share some. */
export function languageHits(text: string): ReadonlyMap<string, number> {
  const words = text.toLowerCase().match(/[\p{L}\p{M}]+/gu) ?? [];
  return new Map(
    STOPWORD_LANGUAGES.map((language) => {
      const known = stopwordsOf(language);
      return [language, words.filter((word) => known.has(word)).length];
    }),
  );
}
