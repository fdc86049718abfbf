/**
 * The language of a text, guessed from its trigrams by franc-min (82 languages, 55 KB), which is loaded when it is asked for first. Of one
 * sentence it takes relatives for each other, such as Dutch for English or Serbian for Russian: the guesses are for counts over many rows,
 * not for a decision about one.
 */

/** Guesses languages: the ISO 639-3 code (`eng`), or `und` for a text that is too short to tell. */
export type LanguageGuess = (text: string) => string;

/** Characters below which a guess is worth nothing. */
const FEWEST = 20;

/** Characters that are read: more do not change the guess. */
const MOST = 2000;

/** Loads what guesses languages. */
export async function languageGuess(): Promise<LanguageGuess> {
  const { franc } = await import('franc-min');
  return (text) => franc(text.slice(0, MOST), { minLength: FEWEST });
}

/** The name of a language in English, such as `German` for `deu`; the code where there is none. */
export function languageName(code: string): string {
  if (code === 'und') return 'too short to tell';
  return new Intl.DisplayNames('en', { type: 'language' }).of(code) ?? code;
}
