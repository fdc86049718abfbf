/**
 * Placeholders of personal data, such as `[EMAIL_1]`, and their key: what each stands for. The key is a JSON object of texts by
 * placeholder, which the user saves and keeps.
 */

import { CodedError } from './errors';

/** The words of placeholders. */
export const MASK_WORDS = ['LOGIN', 'EMAIL', 'IBAN', 'CARD', 'IP', 'ID', 'PHONE', 'NAME'] as const;
export type MaskWord = (typeof MASK_WORDS)[number];

/** A placeholder with its word and its number as groups. */
export const PLACEHOLDER = new RegExp(`\\[(${MASK_WORDS.join('|')})_(\\d{1,9})\\]`, 'g');

export type MaskKey = ReadonlyMap<string, string>;

/** The key as the text of its file. */
export function writeMaskKey(key: MaskKey): string {
  return `${JSON.stringify(Object.fromEntries(key), null, 2)}\n`;
}

/** Reads the text of a key's file. Throws data/parse. */
export function readMaskKey(name: string, text: string): MaskKey {
  const entries = Object.entries(parsed(text));
  if (entries.length > 0 && entries.every(isEntry)) return new Map(entries);
  throw new CodedError(
    'data/parse',
    `${name} is no key of masked data: that is a JSON object such as {"[EMAIL_1]": "ada@example.com"}. Choose the file that “Save the key” made.`,
  );
}

function parsed(text: string): object {
  try {
    const data: unknown = JSON.parse(text);
    return typeof data === 'object' && data !== null && !Array.isArray(data) ? data : {};
  } catch {
    return {};
  }
}

function isEntry(entry: readonly [string, unknown]): entry is [string, string] {
  return entry[0] !== '' && entry[0].replace(PLACEHOLDER, '') === '' && typeof entry[1] === 'string';
}

/** The text with the values of a key in place of their placeholders. */
export function putValuesBack(text: string, key: MaskKey): string {
  return text.replace(PLACEHOLDER, (placeholder) => key.get(placeholder) ?? placeholder);
}
