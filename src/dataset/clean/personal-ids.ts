/** National ids in text. Numbers whose check digit one in ten others would have too need their usual grouping, or their name before them. */

import { brazilianId, dutchId, frenchId, germanTaxId, italianId, spanishId, verhoeff } from './checksums';
import { hasDigits, spansOf, type Span } from './personal-span';

interface IdRule {
  /** Fewest digits of a text in which it is sought. */
  readonly digits: number;
  readonly pattern: RegExp;
  /** Without separators, in capitals. */
  readonly valid: (id: string) => boolean;
  /** A number that does not have this shape counts only after one of the words. */
  readonly named?: { readonly unless: RegExp; readonly words: RegExp };
}

const NO_MATCH = /(?!)/;

const RULES: readonly IdRule[] = [
  // Social Security Number, USA: no check digit; areas 000, 666 and 900 to 999, group 00 and serial 0000 are not given out.
  {
    digits: 9,
    pattern: /(?<![\w.-])\d{3}([- ]?)\d{2}\1\d{4}(?![\w-]|\.\d)/g,
    valid: (id) => !/^(?:000|666|9)|^...00|0000$/.test(id),
    named: { unless: /^\d{3}-/, words: /\bssn|social security/i },
  },
  // National Insurance number, United Kingdom.
  {
    digits: 6,
    pattern: /(?<!\w)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]( ?)\d{2}\1\d{2}\1\d{2}\1[A-D](?!\w)/g,
    valid: (id) => !/^(?:BG|GB|NK|KN|TN|NT|ZZ)/.test(id),
  },
  { digits: 7, pattern: /(?<![\w.])(?:\d{8}|[XYZ]-?\d{7}|\d{2}\.\d{3}\.\d{3})-?[A-Z](?!\w)/g, valid: spanishId },
  {
    digits: 13,
    pattern: /(?<![\w.])[1-4]( ?)\d{2}\1(?:0[1-9]|1[0-2]|[2-9]\d)\1(?:\d{2}|2[AB])\1\d{3}\1\d{3}\1\d{2}(?!\w)/g,
    valid: frenchId,
  },
  {
    digits: 9,
    pattern: /(?<![\w.-])(?:\d{9}|\d{4}\.\d{2}\.\d{3})(?![\w-]|[.,]\d)/g,
    valid: dutchId,
    named: { unless: /\./, words: /\bbsn\b|burgerservicenummer|sofinummer/i },
  },
  {
    digits: 11,
    pattern: /(?<![\w.-])(?:\d{11}|\d{2} \d{3} \d{3} \d{3})(?![\w-]|[.,]\d| \d)/g,
    valid: germanTaxId,
    named: { unless: / /, words: /steuer-?\s?(?:id|ident|nummer)|\bidnr\b|\btin\b|tax (?:id|number)/i },
  },
  // Letters may stand for five of the seven digits.
  {
    digits: 2,
    pattern: /(?<!\w)[A-Z]{6}[\dLMNP-V]{2}[A-EHLMPRST][\dLMNP-V]{2}[A-Z][\dLMNP-V]{3}[A-Z](?!\w)/gi,
    valid: italianId,
  },
  {
    digits: 11,
    pattern: /(?<![\w.-])(?:\d{11}|\d{3}\.\d{3}\.\d{3}-\d{2})(?![\w-]|[.,]\d)/g,
    valid: brazilianId,
    named: { unless: /\./, words: /\bcpf\b/i },
  },
  {
    digits: 12,
    pattern: /(?<![\w.-]|\d )[2-9]\d{3}([ -]?)\d{4}\1\d{4}(?![\w-]|[.,]\d| \d)/g,
    valid: verhoeff,
    named: { unless: /[ -]/, words: /aadhaar|aadhar|\buid\b/i },
  },
];

/** How far before a number its name may be, in characters. */
const NEAR = 40;

export function* findIds(text: string): Iterable<Span> {
  for (const { digits, pattern, valid, named = { unless: NO_MATCH, words: NO_MATCH } } of RULES) {
    if (!hasDigits(text, digits)) continue;
    const isNamed = (start: number): boolean => named.words.test(text.slice(Math.max(start - NEAR, 0), start));
    yield* spansOf(text, pattern, (found, start) => {
      const id = found.replace(/[ .-]/g, '').toUpperCase();
      const placed = named.words === NO_MATCH || named.unless.test(found) || isNamed(start);
      return placed && valid(id) ? id : null;
    });
  }
}
