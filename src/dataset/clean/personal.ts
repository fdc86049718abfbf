/**
 * Finds personal data by its shape and its check digits, and replaces it by placeholders: the same value has the same placeholder
 * wherever it is. Nothing is looked up; a name is found only where its place says that it is one.
 */

import { findIds } from './personal-ids';
import { findCards, findCredentials, findEmails, findIbans, findIps } from './personal-addresses';
import { findNames } from './personal-names';
import { findPhones } from './personal-phones';
import type { Span } from './personal-span';

export const PERSONAL_KINDS = ['credentials', 'email', 'iban', 'card', 'ip', 'id', 'phone', 'name'] as const;
export type PersonalKind = (typeof PERSONAL_KINDS)[number];

/** A value of one kind in a text. */
export interface PersonalSpan extends Span {
  readonly kind: PersonalKind;
}

/** Of overlapping values, that of the first kind counts. */
const FINDERS: { readonly [K in PersonalKind]: (text: string) => Iterable<Span> } = {
  credentials: findCredentials,
  email: findEmails,
  iban: findIbans,
  card: findCards,
  ip: findIps,
  id: findIds,
  phone: findPhones,
  name: findNames,
};

const WORDS: { readonly [K in PersonalKind]: string } = {
  credentials: 'LOGIN',
  email: 'EMAIL',
  iban: 'IBAN',
  card: 'CARD',
  ip: 'IP',
  id: 'ID',
  phone: 'PHONE',
  name: 'NAME',
};

/** The personal data of some kinds in a text, in order. None overlaps another. */
export function findPersonal(text: string, kinds: readonly PersonalKind[]): PersonalSpan[] {
  const found: PersonalSpan[] = [];
  let taken: Uint8Array | null = null;
  for (const kind of PERSONAL_KINDS) {
    if (!kinds.includes(kind)) continue;
    for (const span of FINDERS[kind](text)) {
      taken ??= new Uint8Array(text.length);
      if (taken.subarray(span.start, span.end).includes(1)) continue;
      taken.fill(1, span.start, span.end);
      found.push({ ...span, kind });
    }
  }
  return found.sort((a, b) => a.start - b.start);
}

/** The text with a placeholder for each value; the same string if there is none. */
export function maskPersonal(
  text: string,
  kinds: readonly PersonalKind[],
  placeholder: (kind: PersonalKind, value: string) => string,
): string {
  let [masked, end] = ['', 0];
  for (const { kind, start, end: after, value } of findPersonal(text, kinds)) {
    masked += text.slice(end, start) + placeholder(kind, value);
    end = after;
  }
  return end === 0 ? text : masked + text.slice(end);
}

/** `[EMAIL]`, or with a number `[EMAIL_7]`. */
export function placeholderOf(kind: PersonalKind, number?: number): string {
  return number === undefined ? `[${WORDS[kind]}]` : `[${WORDS[kind]}_${number}]`;
}

const PLACEHOLDER = new RegExp(`\\[(${Object.values(WORDS).join('|')})_(\\d{1,9})\\]`, 'g');

/**
 * Numbers values by their first appearance, from 1 in each kind. It keeps a hash of each value, not the value. Numbers of placeholders
 * that a text has already are not given again.
 */
export class PersonalNumbers {
  readonly #numbers = new Map<number, number>();
  readonly #last = new Map<string, number>();

  /** Reads a text: its values get numbers. */
  read(text: string, kinds: readonly PersonalKind[]): readonly PersonalSpan[] {
    for (const [, word = '', number] of text.matchAll(PLACEHOLDER)) {
      this.#last.set(word, Math.max(this.#last.get(word) ?? 0, Number(number)));
    }
    const found = findPersonal(text, kinds);
    for (const { kind, value } of found) {
      const key = hash53(`${kind}:${value}`);
      if (!this.#numbers.has(key)) this.#numbers.set(key, this.#next(kind));
    }
    return found;
  }

  /** The placeholder of a value, with its number; without one for a value that was not read. */
  placeholder(kind: PersonalKind, value: string): string {
    return placeholderOf(kind, this.#numbers.get(hash53(`${kind}:${value}`)));
  }

  #next(kind: PersonalKind): number {
    const number = (this.#last.get(WORDS[kind]) ?? 0) + 1;
    this.#last.set(WORDS[kind], number);
    return number;
  }
}

/** 53 bits of a text: cyrb53, two 32-bit products mixed. Two of a million values share them with a probability of 5e-5. */
function hash53(text: string): number {
  let [a, b] = [0xdeadbeef, 0x41c6ce57];
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    a = Math.imul(a ^ unit, 2654435761);
    b = Math.imul(b ^ unit, 1597334677);
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return 4294967296 * (2097151 & b) + (a >>> 0);
}

/** Placeholders and what they stand for as it is written first: who keeps it can undo the masking. */
export type PersonalKey = ReadonlyMap<string, string>;

/** The key of texts that `numbers` has read. */
export function personalKey(texts: Iterable<string>, kinds: readonly PersonalKind[], numbers: PersonalNumbers): PersonalKey {
  const key = new Map<string, string>();
  for (const text of texts) {
    for (const { kind, value, start, end } of findPersonal(text, kinds)) {
      const placeholder = numbers.placeholder(kind, value);
      if (!key.has(placeholder)) key.set(placeholder, text.slice(start, end));
    }
  }
  return key;
}

/** The text with the values of a key in place of their placeholders. */
export function unmaskPersonal(text: string, key: PersonalKey): string {
  return text.replace(PLACEHOLDER, (placeholder) => key.get(placeholder) ?? placeholder);
}
