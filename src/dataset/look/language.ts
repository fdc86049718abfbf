/**
 * The language of a text, guessed from its trigrams by franc-min (82 languages, 55 KB), which is loaded when it is asked for first. Of one
 * sentence it takes relatives for each other, such as Dutch for English: short texts are told apart among given languages only.
 */

/** Guesses languages: the ISO 639-3 code (`eng`), or `und` for a text that is too short to tell. */
export interface LanguageGuess {
  (text: string, among?: readonly string[]): string;
}

/** Characters below which a guess is worth nothing. */
const FEWEST = 20;

/** Characters from which a guess stands by itself. */
const LONG = 100;

/** Characters that are read: more do not change the guess. */
export const MOST_READ = 1000;

/** True for a text whose language is told without the others. */
export const isLong = (text: string): boolean => text.length >= LONG;

/** Loads what guesses languages. `among`: the languages that a text which is not long may have. */
export async function languageGuess(): Promise<LanguageGuess> {
  const { franc } = await import('franc-min');
  return (text, among = []) => {
    const only = isLong(text) ? [] : [...among];
    return franc(text.slice(0, MOST_READ), { minLength: FEWEST, only });
  };
}

/** The name of a language in English, such as `German` for `deu`; the code where there is none. */
export function languageName(code: string): string {
  if (code === 'und') return 'too short to tell';
  return new Intl.DisplayNames('en', { type: 'language' }).of(code) ?? code;
}
