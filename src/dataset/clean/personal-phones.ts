/** Phone numbers in text: international ones, the shapes of several countries, and any number after a word such as `call`. */

import { hasDigits, spansOf, type Span } from './personal-span';

interface PhoneRule {
  readonly pattern: RegExp;
  /** Fewest and most digits. */
  readonly digits: readonly [number, number];
}

const END = '(?![\\p{L}\\p{N}_]|[-/:]\\d|[.,]\\d)';
const START = '(?<![\\p{L}\\p{N}_+#$€£.,:/=-]|\\d )';
const pattern = (shape: string): RegExp => new RegExp(`${START}(?:${shape})${END}`, 'gu');

const RULES: readonly PhoneRule[] = [
  // +44 20 7946 0958, +1 (212) 555-0123, 0049 30 123456: at most 15 digits (ITU-T E.164), in use are 13.
  { pattern: pattern('(?:\\+|00)[1-9]\\d{0,2}(?:[ ./-]?(?:\\(\\d{1,5}\\)|\\d{1,14})){1,6}'), digits: [8, 13] },
  // 212-555-0123 in North America: neither area nor exchange begins with 0 or 1.
  { pattern: pattern('(?:1[-. ])?(?:\\([2-9]\\d{2}\\) ?|[2-9]\\d{2}[-. ])[2-9]\\d{2}[-. ]\\d{4}'), digits: [10, 11] },
  // 020 7946 0958, 01 23 45 67 89, 030/1234567, 0176 12345678: a leading 0 and groups.
  { pattern: pattern('(?:\\(0[1-9]\\d{0,4}\\)|0[1-9]\\d{0,4})(?: ?[ /.-] ?\\d{2,8}){1,4}'), digits: [9, 12] },
  // The same without groups.
  { pattern: pattern('0[1-9]\\d{8,9}'), digits: [10, 11] },
  // 98765 43210 in India, (11) 91234-5678 in Brazil.
  { pattern: pattern('[6-9]\\d{4}[ -]\\d{5}|\\(\\d{2}\\) ?9?\\d{4}-\\d{4}'), digits: [10, 11] },
  // After a word that says so.
  {
    pattern: new RegExp(
      `(?<=(?:\\b(?:tele)?phone|\\btel|\\bcall|\\bmobile|\\bcell|\\bfax|\\bwhatsapp|\\bsms|\\bhandy|téléphone|teléfono|móvil|telefono|telefon)(?:[ .:]|\\b(?:number|no|nr|me|us|at|on|is|now|my|back)\\b){1,8})\\d(?:[ .-]?\\d){5,11}${END}`,
      'giu',
    ),
    digits: [7, 12],
  },
];

/** Dates, and numbers in the shape of a Brazilian id. */
const OTHER = /^\(?\d{1,2}([./-])\d{1,2}\1(?:19|20)\d{2}|^\d{3}\.\d{3}\.\d{3}-\d{2}$/;

export function* findPhones(text: string): Iterable<Span> {
  if (!hasDigits(text, 7)) return;
  for (const {
    pattern: shape,
    digits: [fewest, most],
  } of RULES) {
    yield* spansOf(text, shape, (found) => {
      const digits = found.replace(/\D/g, '');
      const fits = digits.length >= fewest && digits.length <= most && !OTHER.test(found);
      return fits && new Set(digits).size > 2 ? digits.replace(/^00/, '') : null;
    });
  }
}
