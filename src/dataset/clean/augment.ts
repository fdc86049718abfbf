/**
 * Texts with small changes that keep their meaning for most tasks (Wei and Zou, "EDA: Easy Data Augmentation Techniques", 2019, without
 * synonyms). Words with digits or signs, such as addresses, numbers and placeholders, are never changed.
 */

import { uniform, STREAM } from '../../core/random';

/** How a text is changed: other cases of letters; typing errors; words that are left out; neighbours that change places. */
export const AUGMENT_WAYS = ['casing', 'typos', 'drop', 'swap'] as const;
export type AugmentWay = (typeof AUGMENT_WAYS)[number];

/** The next number of a sequence, in [0, 1). */
export type Random = () => number;

/** The random numbers of one copy of a row: a function of the seed, of a hash of the row and of the number of the copy. */
export function copyRandom(seed: number, row: number, copy: number): Random {
  let index = 0;
  return () => uniform(seed, row, STREAM.augment, 4096 * copy + index++);
}

/** Fewer words are too short a text: a change would be most of it. */
const FEWEST_WORDS = 4;

/** Letters, also with apostrophes and hyphens between them, with marks around them. */
const WORD = /^(["'“‘«„(¿¡]*)(\p{L}[\p{L}\p{M}]*(?:['’-]\p{L}[\p{L}\p{M}]*)*)([.,;:!?…"'”’»)]*)$/u;

/** Fences, statements, tags and indented lines. */
const CODE = /```|[{};]\s*$|=>|\w\(\)|<\/?[a-z!?][^>\n]*>|\n(?: {2,}|\t)\S/im;

/** Signs that are rare in prose. */
const SIGNS = /[^\p{L}\p{M}\p{N}\s.,;:!?…"'“”‘’«»„()¿¡–—%&€$£@-]/gu;
const MOST_SIGNS = 0.05;

/**
 * The text, changed in one way. `share`: the part of the words that is changed, 0 to 1, at least one word. The same text if it is too
 * short, looks like code, or has nothing that can be changed in this way.
 */
export function augmentText(text: string, way: AugmentWay, share: number, random: Random): string {
  const parts = text.split(/(\s+)/);
  const words = [...parts.keys()].filter((index) => WORD.test(parts[index] ?? ''));
  if (words.length < FEWEST_WORDS || looksLikeCode(text)) return text;
  const count = Math.max(1, Math.round(share * words.length));
  WAYS[way](parts, words, count, random);
  return parts.join('');
}

/** Addresses and placeholders of personal data stand in prose, too. */
const NAMES = /\[[A-Z]+(?:_\d+)?\]|\S+@\S+|\b(?:https?:|www\.)\S+/g;

function looksLikeCode(text: string): boolean {
  const plain = text.replace(NAMES, '');
  return CODE.test(plain) || (plain.match(SIGNS)?.length ?? 0) > MOST_SIGNS * plain.length;
}

/** Changes some of the words at `words` in place. */
type Change = (parts: string[], words: readonly number[], count: number, random: Random) => void;

const WAYS: { readonly [W in AugmentWay]: Change } = { casing, typos, drop, swap };

const below = (count: number, random: Random): number => Math.floor(random() * count);

/** `count` of the words, each at most once. */
function chosen(words: readonly number[], count: number, random: Random): readonly number[] {
  const left = [...words];
  return Array.from({ length: Math.min(count, left.length) }, () => left.splice(below(left.length, random), 1)).flat();
}

/** All letters small, all large, or the first one of each word: the whole text, whatever the share. */
function casing(parts: string[], words: readonly number[], _count: number, random: Random): void {
  const recase = CASES[below(CASES.length, random)];
  if (recase === undefined) return;
  for (const index of words) parts[index] = recase(parts[index] ?? '');
}

const CASES: readonly ((word: string) => string)[] = [
  (word) => word.toLowerCase(),
  (word) => word.toUpperCase(),
  (word) => word.replace(/\p{L}/u, (letter) => letter.toUpperCase()),
];

/** In words of four letters or more. */
function typos(parts: string[], words: readonly number[], count: number, random: Random): void {
  const long = words.filter((index) => (lettersOf(parts[index] ?? '')?.length ?? 0) >= 4);
  for (const index of chosen(long, count, random)) {
    parts[index] = (parts[index] ?? '').replace(WORD, (_, before: string, word: string, after: string) => {
      return before + typo(word, random) + after;
    });
  }
}

const lettersOf = (part: string): readonly string[] | undefined => WORD.exec(part)?.[2]?.match(/\p{L}\p{M}*/gu) ?? undefined;

/** Keys beside each key, on the keyboard that most layouts share. */
const NEIGHBOURS: Readonly<Record<string, string>> = {
  ...{ q: 'wa', w: 'qes', e: 'wrd', r: 'etf', t: 'rg', u: 'ij', i: 'uok', o: 'ipl', p: 'o', a: 'qs', s: 'awdx', d: 'sefc' },
  ...{ f: 'drgv', g: 'fthb', h: 'gjn', j: 'hukm', k: 'jil', l: 'ko', x: 'sc', c: 'xdv', v: 'cfb', b: 'vgn', n: 'bhm', m: 'nj' },
};

/** A letter left out, doubled, exchanged with the next one, or hit beside: never the first one, by which a word is recognised. */
function typo(word: string, random: Random): string {
  const letters = word.match(/\p{L}\p{M}*|['’-]/gu) ?? [];
  const at = 1 + below(letters.length - 2, random);
  const [one = '', next = ''] = letters.slice(at, at + 2);
  const beside = NEIGHBOURS[one] ?? '';
  const forms = [
    next,
    one + one + next,
    next + one,
    ...(beside === '' ? [] : [`${beside[below(beside.length, random)] ?? ''}${next}`]),
  ];
  return [...letters.slice(0, at), forms[below(forms.length, random)] ?? '', ...letters.slice(at + 2)].join('');
}

/** Words without which a text says the opposite. */
const NEGATIONS = new Set(
  `not no never none nothing nobody nor neither without cannot nicht kein keine keinen keiner nie niemand nichts ohne ne pas non rien jamais
  sans sin ni nunca jamás nada mai niente senza não nem sem niet geen nooit niets zonder`.split(/\s+/),
);
const isNegation = (part: string): boolean => NEGATIONS.has(part.toLowerCase()) || /n['’]t$/i.test(part);

/** Words without marks around them, and no negations. The white space after a word goes with it, and that at the end of the text. */
function drop(parts: string[], words: readonly number[], count: number, random: Random): void {
  const bare = words.filter((index) => isBare(parts[index] ?? '') && !isNegation(parts[index] ?? ''));
  for (const index of chosen(bare, Math.min(count, words.length - 1), random)) {
    parts[index] = '';
    if (parts[index + 1]?.includes('\n') === false) parts[index + 1] = '';
  }
  if (parts.at(-1) !== '') return;
  while (parts.at(-1)?.trim() === '') parts.pop();
}

const isBare = (part: string): boolean => {
  const [, before, , after] = WORD.exec(part) ?? [];
  return before === '' && after === '';
};

/** Bare words with the next one, white space apart. No word is moved twice. */
function swap(parts: string[], words: readonly number[], count: number, random: Random): void {
  const first = words.filter((index) => isBare(parts[index] ?? '') && isBare(parts[index + 2] ?? ''));
  const moved = new Set<number>();
  for (const index of chosen(first, first.length, random)) {
    if (moved.size >= 2 * count) return;
    if (moved.has(index) || moved.has(index + 2)) continue;
    [parts[index], parts[index + 2]] = [parts[index + 2] ?? '', parts[index] ?? ''];
    moved.add(index).add(index + 2);
  }
}
