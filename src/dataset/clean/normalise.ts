/** Brings text into one form: Unicode's composition, white space, characters that cannot be seen, and quotation marks. */

export interface NormaliseSettings {
  /** NFC composes letters and their accents. NFKC also replaces variants: `ﬁ`, `①` and full-width letters. */
  readonly form: 'NFC' | 'NFKC';
  /** Spaces of other widths become plain ones; with `single`, several between words become one, and none stay at the end of a line. */
  readonly spaces: 'plain' | 'single';
  /** Straight quotation marks and apostrophes for curly ones. */
  readonly quotes: 'keep' | 'straight';
}

/** The same string if it is in this form. A second application changes nothing. */
export function normalise(text: string, { form, spaces, quotes }: NormaliseSettings): string {
  const composed = compose(text, form);
  const spaced = spaces === 'single' ? singleSpaces(composed) : composed;
  return quotes === 'straight' ? straighten(spaced) : spaced;
}

/** Again where that shows more to remove: letters and accents meet that something hidden held apart. */
function compose(text: string, form: 'NFC' | 'NFKC'): string {
  const composed = plainSpaces(withoutHidden(text.normalize(form))).normalize(form);
  return composed === text ? composed : compose(composed, form);
}

/** Zero-width spaces, word joiners, byte order marks, soft hyphens and control characters, except those that lay out text. */
const HIDDEN = /[\u200b\u2060\ufeff\u00ad]|(?![\t\n\v\f\r\x85])\p{Cc}/gu;

/** Joiners change Arabic and Indic letters and hold emoji together; between others they do nothing. */
const JOINER = /[\u200c\u200d]+/g;
const JOINED = /[\p{sc=Latn}\p{sc=Cyrl}\p{sc=Grek}\p{sc=Han}\p{N}\s]|^$/u;

function withoutHidden(text: string): string {
  const seen = text.replace(HIDDEN, '');
  return seen.replace(JOINER, (joiner, at: number) => (JOINED.test(seen.charAt(at - 1)) ? '' : joiner));
}

function plainSpaces(text: string): string {
  return text.replace(/\r\n?|[\u2028\u2029\x85\v\f]/g, '\n').replace(/[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/g, ' ');
}

/** Tabs, line breaks and the indentation of a line stay. */
function singleSpaces(text: string): string {
  return text.replace(/(\S) {2,}(?=\S)/g, '$1 ').replace(/(?<![ \t])[ \t]+$/gm, '');
}

function straighten(text: string): string {
  return text.replace(/[‘’‚‛]/g, "'").replace(/[“”„‟]/g, '"');
}
