/** Addresses and accounts in text: e-mail, log-ins in URLs, IBAN, cards, IP. */

import { iban, luhn } from './checksums';
import { hasDigits, spansOf, type Span } from './personal-span';

// The lookbehinds make a search begin at the first character of a run only, which keeps it linear.
const EMAIL =
  /(?<![\p{L}\p{N}._%+-])[\p{L}\p{N}_%+-]+(?:[.'][\p{L}\p{N}_%+-]+)*@(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?\.)+\p{L}{2,24}(?![\p{L}\p{N}@])/gu;

export function findEmails(text: string): Iterable<Span> {
  return text.includes('@') ? spansOf(text, EMAIL, (found) => found.toLowerCase()) : [];
}

const CREDENTIALS = /(?<=(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{1,20}:\/\/)[^\s/?#@:"'<>]+:[^\s/?#@"'<>]+(?=@[^\s/@])/gi;

/** The user and the password of a URL: `ftp://user:password@host`. */
export function findCredentials(text: string): Iterable<Span> {
  return text.includes('://') ? spansOf(text, CREDENTIALS, (found) => found) : [];
}

const IBAN = /(?<![\p{L}\p{N}])[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}(?![\p{L}\p{N}])/giu;

/** An IBAN may be followed by words, so the match is shortened to where its check holds. */
export function* findIbans(text: string): Iterable<Span> {
  if (!hasDigits(text, 6)) return;
  for (const { 0: match, index: start } of text.matchAll(IBAN)) {
    for (let end = match.length; end > 14; end--) {
      const value = match.slice(0, end).replaceAll(' ', '').toUpperCase();
      if (/[A-Z0-9]/i.test(match.charAt(end)) || !/[A-Z0-9]/i.test(match.charAt(end - 1)) || !iban(value)) continue;
      yield { start, end: start + end, value };
      break;
    }
  }
}

const CARD =
  /(?<![\d.,-]|\d )(?:\d{4}([ -])\d{4}\1\d{4}\1\d{4}(?:\1\d{3})?|\d{4}([ -])\d{6}\2\d{4,5}|\d{14,19})(?![\d-]|[.,]\d)/g;

/** Issuers: Visa, Mastercard, American Express, Discover, Diners Club, JCB, UnionPay. */
const ISSUERS =
  /^(?:4(?:\d{15}|\d{18})|5[1-5]\d{14}|2(?:2[2-9]|[3-6]\d|7[01])\d{13}|3[47]\d{13}|6(?:011|4[4-9]\d|5\d\d)\d{12,15}|3(?:0[0-5]|[689]\d)\d{11}|35\d{14}|62\d{14,17})$/;

export function findCards(text: string): Iterable<Span> {
  if (!hasDigits(text, 14)) return [];
  return spansOf(text, CARD, (found) => {
    const digits = found.replace(/\D/g, '');
    return ISSUERS.test(digits) && luhn(digits) ? digits : null;
  });
}

const IPV4 = /(?<![\p{L}\p{N}_.-])(?:\d{1,3}\.){3}\d{1,3}(?![\p{L}\p{N}_]|\.\d)/gu;
const IPV6 = /(?<![\p{L}\p{N}_:.])[\da-f:]{6,39}(?![\p{L}\p{N}_:])/giu;

export function* findIps(text: string): Iterable<Span> {
  if (hasDigits(text, 4)) yield* spansOf(text, IPV4, (found, start) => (isIpv4(found) && !isVersion(text, start) ? found : null));
  if (text.includes(':')) yield* spansOf(text, IPV6, (found) => (isIpv6(found) ? found.toLowerCase() : null));
}

/** Addresses of the machine itself (127.…, 0.…) belong to nobody. */
function isIpv4(text: string): boolean {
  const parts = text.split('.');
  return parts.every((part) => String(Number(part)) === part && Number(part) < 256) && !['0', '127'].includes(parts[0] ?? '');
}

function isVersion(text: string, start: number): boolean {
  return /(?:version|release|build|firmware|section)[ :]*$/i.test(text.slice(Math.max(start - 12, 0), start));
}

/** Eight groups, or fewer with one `::`; then three groups and a digit at least, because code has `a::b`. */
function isIpv6(text: string): boolean {
  const groups = text.split(':');
  if (groups.some((group) => group.length > 4)) return false;
  const filled = groups.filter((group) => group !== '').length;
  if (!text.includes('::')) return filled === 8 && groups.length === 8;
  const ends = /^:[^:]|[^:]:$/.test(text);
  return !ends && text.split('::').length === 2 && filled >= 3 && filled < 8 && /\d/.test(text) && !text.includes(':::');
}
