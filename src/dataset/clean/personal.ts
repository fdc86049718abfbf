/**
 * Finds personal data by its shape and its check digits, and replaces it by placeholders: the same value has the same placeholder
 * wherever it is. Nothing is looked up; a name is found only where its place says that it is one.
 */

import { PLACEHOLDER, type MaskWord } from '../../core/mask-key';
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

const WORDS: { readonly [K in PersonalKind]: MaskWord } = {
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

/**
 * Numbers values by their first appearance, in each kind from 1, or after the numbers of placeholders that the texts have already. It
 * keeps a hash of each value, not the value. Numbers are known once all texts were read.
 */
export class PersonalNumbers {
  readonly #numbers = new Map<string, number>();
  readonly #counts = new Map<PersonalKind, number>();
  /** The largest number of a placeholder in the texts. */
  readonly #present = new Map<string, number>();

  /** Reads a text: its values get numbers. */
  read(text: string, kinds: readonly PersonalKind[]): readonly PersonalSpan[] {
    for (const [, word = '', number] of text.matchAll(PLACEHOLDER)) {
      this.#present.set(word, Math.max(this.#present.get(word) ?? 0, Number(number)));
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
    const number = this.#numbers.get(hashOf(`${kind}:${value}`));
    return placeholderOf(kind, number === undefined ? undefined : number + (this.#present.get(WORDS[kind]) ?? 0));
  }

  #next(kind: PersonalKind): number {
    const number = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, number);
    return number;
  }
}
