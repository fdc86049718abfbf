/**
 * Repairs mojibake: UTF-8 that was read as Windows-1252 or Latin-1, once or several times (`cafÃ©` for `café`). Only runs of characters
 * are replaced that are the bytes of one UTF-8 character and become one that people write; other text stays as it is.
 */

/** What Windows-1252 has for the bytes 0x80 to 0x9f; the five bytes that it does not define are control characters, as in Latin-1. */
const WINDOWS = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';

/** The byte that a character was read from; undefined for characters that neither encoding has. */
const BYTES: ReadonlyMap<string, number> = new Map(
  Array.from({ length: 128 }, (_, i) => [String.fromCharCode(128 + i), 128 + i] as const).concat(
    Array.from(WINDOWS, (character, i) => [character, 128 + i] as const),
  ),
);

const CONTINUATION = `[\\x80-\\xbf${WINDOWS}]`;
const RUN = new RegExp(`(?:[\\xc2-\\xdf]${CONTINUATION}|[\\xe0-\\xef]${CONTINUATION}{2}|[\\xf0-\\xf4]${CONTINUATION}{3})+`, 'g');

/**
 * In text with other mojibake: `Ã` before a plain space. The second byte of `à` is read as a space that does not break, of which other
 * programs have made a plain one, and perhaps one space of two.
 */
const SPACED = /(?<!\p{Lu})Ã(?: (?=[ ,.;:!?)])|(?= \S))/gu;

/** How often text is read in the wrong way at most. */
const MOST_ROUNDS = 3;

/** The text as it was written; the same string if nothing in it is mojibake. */
export function repairMojibake(text: string): string {
  let repaired = text;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const next = repaired.replace(RUN, (run, at: number, all: string) => (isQuoted(run, at, all) ? run : repairRun(run)));
    if (next === repaired) break;
    repaired = next.replace(SPACED, 'à');
  }
  return repaired;
}

/** Marks that come after a word. */
const MARKS = '‘’‚“”„–—…‹›™•';

/** `Ä“` and the like, without a small letter beside it: a capital before a mark, as in `„MÄ“`, more likely than one letter. */
function isQuoted(run: string, at: number, text: string): boolean {
  const isMark = run.length === 2 && /[ÄÅÈ]/.test(run) && MARKS.includes(run.charAt(1));
  return isMark && !/\p{Ll}/u.test(text.charAt(at - 1) + text.charAt(at + 2));
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function repairRun(run: string): string {
  const bytes = Uint8Array.from(run, (character) => BYTES.get(character) ?? 0);
  try {
    const decoded = utf8.decode(bytes);
    return isPlausible(decoded) ? decoded : run;
  } catch {
    return run;
  }
}

/** Characters that one run alone may stand for: letters and marks of Western and Central Europe, punctuation, signs and emoji. */
const ALONE =
  /^(?:[\u0080-\u017f\u0192\u0218-\u021b\u1e00-\u1fff\u02c6\u02dc\u2010-\u205e\u20a0-\u20bf\u2100-\u27bf\u2b00-\u2bff\u3000-\u30ff\u4e00-\u9fff\uac00-\ud7af\ufeff\p{Extended_Pictographic}\p{Emoji_Modifier}]|\ufe0f|\u200d)+$/u;

/** Other scripts have two letters in a row at least: one alone is more likely right text, such as `CAFÉ»`. */
const SCRIPT = /^[\u0080-\u024f\p{L}\p{M}\p{P}\p{N}\p{S}]{2,}$/u;

function isPlausible(decoded: string): boolean {
  return ALONE.test(decoded) || SCRIPT.test(decoded);
}
