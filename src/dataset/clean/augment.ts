/**
 * Copies of texts with small changes that keep their meaning for most tasks (Wei and Zou, "EDA: Easy Data Augmentation Techniques",
 * 2019, without synonyms). Each copy is a function of the seed, the number of the row and that of the copy.
 */

import { hashOf, STREAM, uniform } from '../../core/random';

/** What is changed; `share` is the part of the words, 0 to 1. */
export interface AugmentSettings {
  /** All letters small, or the first letter of each word large, in half of the copies. */
  readonly casing: boolean;
  /** Letters that are left out, repeated or exchanged with their neighbour. */
  readonly typos: boolean;
  /** Words that are left out. */
  readonly drop: boolean;
  /** Words that change places with another one. */
  readonly swap: boolean;
  /** Words that are repeated at another place. */
  readonly fill: boolean;
  readonly share: number;
}

type Random = () => number;

/** Copy `copy` of a text. White space stays as it is, except around words that are left out. A text of one word has no other order. */
export function augmentText(text: string, settings: AugmentSettings, seed: number, row: number, copy: number): string {
  const random = randomOf(seed, hashOf(`${row}:${copy}`));
  const parts = text.split(/(\s+)/);
  const words = [...parts.keys()].filter((index) => index % 2 === 0 && parts[index] !== '');
  for (const index of words) if (settings.typos && random() < settings.share) parts[index] = typo(parts[index] ?? '', random);
  const count = Math.max(1, Math.round(settings.share * words.length));
  for (let i = 0; i < count && words.length > 1; i++) {
    if (settings.swap) swap(parts, pick(words, random), pick(words, random));
    if (settings.fill) fill(parts, pick(words, random), pick(words, random));
  }
  if (settings.drop) dropWords(parts, words, settings.share, random);
  const changed = parts.join('').trim();
  return settings.casing ? recase(changed, random) : changed;
}

function randomOf(seed: number, row: number): Random {
  let index = 0;
  return () => uniform(seed, row, STREAM.augment, index++);
}

const pick = (words: readonly number[], random: Random): number => words[Math.floor(random() * words.length)] ?? 0;

function swap(parts: string[], a: number, b: number): void {
  const held = parts[a] ?? '';
  parts[a] = parts[b] ?? '';
  parts[b] = held;
}

function fill(parts: string[], from: number, to: number): void {
  const [word] = (parts[from] ?? '').split(' ');
  parts[to] = `${parts[to] ?? ''} ${word ?? ''}`.trim();
}

/** At least one word stays. */
function dropWords(parts: string[], words: readonly number[], share: number, random: Random): void {
  const kept = pick(words, random);
  for (const index of words) {
    if (index === kept || random() >= share) continue;
    parts[index] = '';
    if (index + 1 < parts.length) parts[index + 1] = parts[index + 1]?.includes('\n') === true ? '\n' : '';
  }
}

/** By characters, so that none outside the basic plane is cut. Words of one or two characters stay. */
function typo(word: string, random: Random): string {
  const letters = Array.from(word);
  if (letters.length < 3 || !/^[\p{L}\p{M}]/u.test(word)) return word;
  const at = 1 + Math.floor(random() * (letters.length - 2));
  const [one = '', next = ''] = letters.slice(at, at + 2);
  const forms = [next, one + one + next, next + one];
  return [...letters.slice(0, at), forms[Math.floor(random() * forms.length)], ...letters.slice(at + 2)].join('');
}

function recase(text: string, random: Random): string {
  const kind = random();
  if (kind < 0.5) return text;
  return kind < 0.75 ? text.toLowerCase() : text.replace(/(?<![\p{L}\p{M}\p{N}'’])\p{Ll}/gu, (letter) => letter.toUpperCase());
}
