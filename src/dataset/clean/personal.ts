/**
 * Finds personal data by its shape and its check digits, and replaces it by placeholders: the same value has the same placeholder
 * wherever it is. Nothing is looked up; a name is found only where its place says that it is one.
 */

import { hashOf } from '../row-hash';
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
  readonly #numbers = new Map<string, number>();
  readonly #last = new Map<string, number>();

  /** Reads a text: its values get numbers. */
  read(text: string, kinds: readonly PersonalKind[]): readonly PersonalSpan[] {
    for (const [, word = '', number] of text.matchAll(PLACEHOLDER)) {
      this.#last.set(word, Math.max(this.#last.get(word) ?? 0, Number(number)));
    }
    const found = findPersonal(text, kinds);
    for (const { kind, value } of found) {
      const key = hashOf(`${kind}:${value}`);
      if (!this.#numbers.has(key)) this.#numbers.set(key, this.#next(kind));
    }
    return found;
  }

  /** The placeholder of a value, with its number; without one for a value that was not read. */
  placeholder(kind: PersonalKind, value: string): string {
    return placeholderOf(kind, this.#numbers.get(hashOf(`${kind}:${value}`)));
  }

  #next(kind: PersonalKind): number {
    const number = (this.#last.get(WORDS[kind]) ?? 0) + 1;
    this.#last.set(WORDS[kind], number);
    return number;
  }
}
