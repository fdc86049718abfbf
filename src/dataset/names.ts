/** Column names that datasets use for the parts of an example. */

import type { ColumnRole, Format } from './types';

/** Columns that are ignored when column names are matched with those of a format. */
const BOOKKEEPING = new Set(
  'id idx index uuid source score url meta metadata lang language split file sheet tools functions weight image images'.split(
    ' ',
  ),
);

interface KeySet {
  readonly format: Format;
  /** Column name to role. All of these are required. */
  readonly needed: Readonly<Record<string, ColumnRole>>;
  /** These are optional. */
  readonly allowed?: Readonly<Record<string, ColumnRole>>;
}

const EXTRAS: Readonly<Record<string, ColumnRole>> = { system: 'system', context: 'context', history: 'history' };

/** Tried in this order. A table matches when it has all needed columns, and otherwise only allowed or bookkeeping ones. */
const KEY_SETS: readonly KeySet[] = [
  { format: 'messages', needed: { messages: 'messages' }, allowed: { system: 'system' } },
  { format: 'sharegpt', needed: { conversations: 'messages' }, allowed: { system: 'system' } },
  { format: 'alpaca', needed: { instruction: 'user', output: 'assistant' }, allowed: { input: 'context', ...EXTRAS } },
  { format: 'prompt-completion', needed: { prompt: 'user', completion: 'assistant' }, allowed: EXTRAS },
  { format: 'prompt-completion', needed: { prompt: 'user', response: 'assistant' }, allowed: EXTRAS },
  { format: 'prompt-completion', needed: { instruction: 'user', response: 'assistant' }, allowed: EXTRAS },
  { format: 'prompt-completion', needed: { question: 'user', answer: 'assistant' }, allowed: EXTRAS },
  { format: 'prompt-completion', needed: { input: 'user', output: 'assistant' }, allowed: EXTRAS },
  { format: 'prompt-completion', needed: { user: 'user', assistant: 'assistant' }, allowed: EXTRAS },
  { format: 'prompt-completion', needed: { prompt: 'user', chosen: 'assistant' }, allowed: EXTRAS },
  { format: 'text', needed: { text: 'text' } },
  { format: 'text-label', needed: { text: 'text', label: 'label' } },
];

/** The format that has exactly these columns, with their roles; null when there is none. */
export function matchKeySet(columns: readonly string[]): { format: Format; roles: ColumnRole[] } | null {
  const names = columns.map((name) => name.toLowerCase());
  const found = KEY_SETS.find((set) => fits(set, names));
  if (found === undefined) return null;
  const roles: Readonly<Record<string, ColumnRole>> = { ...found.allowed, ...found.needed };
  return { format: found.format, roles: names.map((name) => own(roles, name) ?? 'ignore') };
}

function fits(set: KeySet, names: readonly string[]): boolean {
  const known = (name: string) => own(set.needed, name) ?? own(set.allowed ?? {}, name);
  return (
    Object.keys(set.needed).every((name) => names.includes(name)) &&
    names.every((name) => known(name) !== undefined || isBookkeeping(name) || (name.includes('.') && names.includes(outer(name))))
  );
}

/** The column that a value inside it belongs to. */
const outer = (name: string) => name.split('.')[0] ?? '';

function own(roles: Readonly<Record<string, ColumnRole>>, name: string): ColumnRole | undefined {
  return Object.hasOwn(roles, name) ? roles[name] : undefined;
}

/** Keywords of each role, the best first. */
const KEYWORDS: readonly (readonly [role: ColumnRole, words: readonly string[]])[] = [
  ['assistant', 'assistant completion response output answer answers reply chosen target summary translation'.split(' ')],
  ['user', 'user instruction prompt question query input request source document article message'.split(' ')],
  ['system', ['system']],
  ['context', 'context passage input document article background knowledge'.split(' ')],
  ['label', 'label class category sentiment intent topic tag'.split(' ')],
  ['text', 'text content body sentence review comment description title'.split(' ')],
];

const WORD_BREAK = /[^\p{L}\p{N}]+|(?<=\p{Ll})(?=\p{Lu})/u;

/**
 * Rank of a name among those of `role`: the index of the first of the role's keywords that is a word of it, or -1. A name with the word
 * "system" (`system_prompt`) has no other role.
 */
export function keywordRank(name: string, role: ColumnRole): number {
  const words = name.split(WORD_BREAK).map((word) => word.toLowerCase());
  if (role !== 'system' && words.includes('system')) return -1;
  const known = KEYWORDS.find(([one]) => one === role)?.[1] ?? [];
  return known.findIndex((keyword) => words.includes(keyword));
}

/** True for a column such as an identifier or a score, by its name, and for values inside one: `meta.source`. */
export function isBookkeeping(name: string): boolean {
  return BOOKKEEPING.has(outer(name.toLowerCase()));
}

const PREFERRED = /^(chosen|preferred)([ _-]?(answer|completion|output|response))?$/i;
const REJECTED = /^(rejected|non[ _-]?preferred|dispreferred)([ _-]?(answer|completion|output|response))?$/i;

/** True for a column of preferred answers, by its name (TRL: `chosen`; OpenAI: `preferred_output`). */
export function isPreferred(name: string): boolean {
  return PREFERRED.test(name);
}

/** True for a column of rejected answers, by its name (TRL: `rejected`; OpenAI: `non_preferred_output`). */
export function isRejected(name: string): boolean {
  return REJECTED.test(name);
}

const MARGIN = /^((reward|preference|score)[ _-]?)?margin$/i;

/** True for a column that tells by how much the preferred answer is better, by its name (TRL: `margin`). */
export function isMargin(name: string): boolean {
  return MARGIN.test(name);
}

const DESIRABLE = /^(is[ _-]?)?(label|kto_tag|desirable|chosen|preferred|accepted|good|liked|thumbs[ _-]?up)$/i;

/** True for a column that tells whether an answer is desirable, by its name (TRL: `label`; LLaMA-Factory: `kto_tag`). */
export function isDesirability(name: string): boolean {
  return DESIRABLE.test(name);
}

/** True for a column of tool schemas, by its name (OpenAI: `tools`, before `functions`). */
export function isToolList(name: string): boolean {
  return /^(available[ _-]?)?(tools|functions)$/i.test(name);
}

/** True for a column of pictures or their addresses, by its name. */
export function isPictures(name: string): boolean {
  return /^(images?|img|pictures?|photos?)([ _-]?(path|paths|url|urls|file|files|name|id))?$/i.test(name);
}

/** True for a column with the title of a text in another column, by its name. */
export function isTitle(name: string): boolean {
  return name.split(WORD_BREAK).some((word) => /^(title|subject|headline|heading)$/i.test(word));
}

const TARGETS = new Set(
  'score rating ratings stars grade target value price points similarity strength urgency severity'.split(' '),
);

/** True for a column of numbers to predict, by its name: `score`, `review_rating`. */
export function isTargetName(name: string): boolean {
  return name.split(WORD_BREAK).some((word) => TARGETS.has(word.toLowerCase()));
}
