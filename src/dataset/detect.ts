/**
 * Detects format and column roles from the first rows, in this order: preference columns, exact column names, message lists,
 * words in the column names, the values.
 */

import { CodedError } from '../core/errors';
import { missingRoles } from './check';
import { listOf, messageStyle } from './messages';
import { isBookkeeping, isDesirability, isPreferred, isRejected, keywordRank, matchKeySet } from './names';
import { cellText, isFilled, isWordy, readTruth, SAMPLE_ROWS, type Row, type Table } from './table';
import type { ColumnRole, Format, Mapping } from './types';

/** A mapping, and a sentence that says why it was chosen. */
export interface Detection {
  readonly mapping: Mapping;
  readonly reason: string;
}

/** What the heuristics know about a column. */
interface Traits {
  readonly column: number;
  readonly name: string;
  readonly lists: 'openai' | 'sharegpt' | null;
  /** Mostly lists or objects of any kind. */
  readonly nested: boolean;
  readonly wordy: boolean;
  /** A few short values that repeat. */
  readonly labels: boolean;
  /** Mostly truth values. */
  readonly truths: boolean;
  readonly meanLength: number;
}

/** Detects the mapping of `table`. Throws data/columns when no column has text. */
export function detect(table: Table): Detection {
  const traits = table.columns.map((name, column) => traitsOf(name, column, table.sample.slice(0, SAMPLE_ROWS)));
  const usable = traits.filter((one) => one.lists !== null || (one.wordy && isUsable(one)));
  const guess = byPreference(traits) ?? byNames(table, traits) ?? byStructure(traits) ?? byWords(traits) ?? byContent(usable);
  if (guess === null) throw noTextColumn(table);
  return { mapping: { format: guess.format, roles: rolesOf(traits, guess.roles) }, reason: guess.reason };
}

/** Roles for a format that the user chose: the given ones if they suffice, else detected ones if those do. */
export function suggestRoles(table: Table, wanted: Mapping): Mapping {
  if (missingRoles(wanted, table.columns) === null) return wanted;
  const traits = table.columns.map((name, column) => traitsOf(name, column, table.sample.slice(0, SAMPLE_ROWS)));
  const preference = wanted.format === 'preference' ? byPreference(traits) : null;
  const roles = preference?.roles ?? FILLERS[wanted.format](traits.filter(isUsable));
  const mapping = { format: wanted.format, roles: rolesOf(traits, roles) };
  return missingRoles(mapping, table.columns) === null ? mapping : wanted;
}

/** Neither bookkeeping nor a rejected answer, by its name. */
const isUsable = ({ name }: Traits) => !isBookkeeping(name) && !isRejected(name);

type Roles = ReadonlyMap<number, ColumnRole>;

interface Guess {
  readonly format: Format;
  readonly roles: Roles;
  readonly reason: string;
}

const rolesOf = (traits: readonly Traits[], roles: Roles) => traits.map(({ column }) => roles.get(column) ?? 'ignore');

function noTextColumn(table: Table): CodedError {
  const names = table.columns.slice(0, 12).map((name) => `"${name}"`);
  const found = `No column of this file has text to learn from (found ${names.join(', ')}: numbers, identifiers or nothing)`;
  return new CodedError('data/columns', `${found}. Add a column with text, or one with prompts and one with answers.`);
}

function traitsOf(name: string, column: number, rows: readonly Row[]): Traits {
  const filled = rows.map((row) => row.cells[column]).filter(isFilled);
  const texts = filled.map((cell) => cellText(cell).trim());
  const styles = filled.map(messageStyle).filter((style) => style !== null);
  return {
    column,
    name,
    lists: styles.length * 2 >= filled.length ? (styles[0] ?? null) : null,
    nested: filled.length > 0 && filled.filter((cell) => listOf(cell) !== null).length * 2 >= filled.length,
    wordy: filled.filter(isWordy).length * 2 > filled.length,
    labels: areLabels(texts),
    truths: filled.filter((cell) => readTruth(cell) !== null).length * 2 > filled.length,
    meanLength: texts.reduce((sum, text) => sum + text.length, 0) / Math.max(1, texts.length),
  };
}

function areLabels(texts: readonly string[]): boolean {
  const distinct = new Set(texts).size;
  return distinct >= 1 && distinct <= 20 && distinct * 2 <= texts.length && texts.every((text) => text.length <= 40);
}

/** Preference data: pairs of a preferred and a rejected answer, or answers labelled true and false. */
function byPreference(traits: readonly Traits[]): Guess | null {
  return pairGuess(traits) ?? labelledGuess(traits);
}

function pairGuess(traits: readonly Traits[]): Guess | null {
  const chosen = traits.find((one) => isPreferred(one.name) && !one.truths);
  const rejected = traits.find((one) => isRejected(one.name) && !one.truths);
  if (chosen === undefined || rejected === undefined) return null;
  const roles = promptRoles(traits.filter((one) => one !== chosen && isUsable(one)));
  const prompted = [...roles.values()].some((role) => role === 'user' || role === 'messages');
  const prompt = prompted || chosen.nested ? '' : ' The prompt is what both begin with.';
  return {
    format: 'preference',
    roles: new Map([...roles, [chosen.column, 'assistant'], [rejected.column, 'rejected']]),
    reason: `"${chosen.name}" and "${rejected.name}" are the preferred and the rejected answer.${prompt}`,
  };
}

/** Prompts with one answer each, or conversations, and a label that tells the desirable from the undesirable. */
function labelledGuess(traits: readonly Traits[]): Guess | null {
  const label = traits.find((one) => one.truths && isDesirability(one.name));
  const others = traits.filter((one) => one !== label && isUsable(one));
  const answer = best(others, 'assistant');
  const roles = promptRoles(others.filter((one) => one !== answer));
  const [prompt] = roles.values();
  if (label === undefined || (answer === undefined ? prompt !== 'messages' : prompt === undefined)) return null;
  const answers: Roles = answer === undefined ? new Map() : asRoles([answer, 'assistant']);
  return {
    format: 'preference',
    roles: new Map([...roles, ...answers, [label.column, 'label']]),
    reason: `"${label.name}" tells preferred answers (true) from others (false).`,
  };
}

/** The prompt (first), its system turn and its context among the columns beside the answers. */
function promptRoles(others: readonly Traits[]): Roles {
  const filled = others.filter((one) => one.wordy || one.nested);
  const user = best(filled, 'user');
  const prompt = user ?? firstList(filled) ?? best(filled, 'text');
  const rest = filled.filter((one) => one !== prompt);
  const role = user === undefined && prompt?.lists ? 'messages' : 'user';
  return asRoles([prompt, role], [best(rest, 'system'), 'system'], [best(rest, 'context'), 'context']);
}

/** The columns are exactly those of a known format, with values that fit: lists for messages, text for the other roles. */
function byNames(table: Table, traits: readonly Traits[]): Guess | null {
  const match = matchKeySet(table.columns);
  if (match === null) return null;
  const roles = new Map(match.roles.map((role, column) => [column, role] as const));
  const used = traits.filter(({ column }) => roles.get(column) !== 'ignore');
  const fit = used.every((one) => (roles.get(one.column) === 'messages' ? one.nested : one.lists === null));
  if (!fit || !used.some((one) => one.wordy || one.nested)) return null;
  const names = used.map((one) => one.name).join(', ');
  return { format: match.format, roles, reason: `The columns are those of ${TITLES[match.format]}: ${names}.` };
}

const TITLES: Record<Format, string> = {
  messages: 'chat messages',
  sharegpt: 'ShareGPT conversations',
  alpaca: 'Alpaca instructions',
  'prompt-completion': 'prompts and completions',
  preference: 'preferred and rejected answers',
  text: 'plain text',
  'text-label': 'labelled texts',
};

/** A column of message lists; the final answer may be in a column of its own. */
function byStructure(traits: readonly Traits[]): Guess | null {
  const list = firstList(traits);
  if (list === undefined) return null;
  const roles = new Map<number, ColumnRole>([[list.column, 'messages']]);
  const answer = traits.find((one) => one !== list && /^(chosen|completion|response)$/i.test(one.name));
  if (answer !== undefined) roles.set(answer.column, 'assistant');
  const system = traits.find((one) => one.wordy && keywordRank(one.name, 'system') >= 0);
  if (system !== undefined) roles.set(system.column, 'system');
  const sharegpt = list.lists === 'sharegpt';
  const chosen = answer === undefined ? '' : ` The answer to learn is in "${answer.name}".`;
  const keys = sharegpt ? 'from and value' : 'role and content';
  const reason = `"${list.name}" has lists of messages with ${keys}.${chosen}`;
  return { format: sharegpt ? 'sharegpt' : 'messages', roles, reason };
}

/** The column of conversations; an answer in message form only if there is no other. */
function firstList(traits: readonly Traits[]): Traits | undefined {
  const lists = traits.filter((one) => one.lists !== null && !isRejected(one.name));
  return lists.find((one) => !/^(chosen|completion|response)$/i.test(one.name)) ?? lists[0];
}

/** By words in the column names: a question and an answer, or a text and its label. */
function byWords(traits: readonly Traits[]): Guess | null {
  const wordy = traits.filter((one) => one.wordy && isUsable(one));
  const assistant = best(traits.filter(isUsable), 'assistant');
  const user =
    best(
      wordy.filter((one) => one !== assistant),
      'user',
    ) ??
    best(
      wordy.filter((one) => one !== assistant),
      'text',
    );
  if (assistant !== undefined && user !== undefined) return turnsGuess(wordy, user, assistant);
  const label = best(
    traits.filter((one) => one.labels),
    'label',
  );
  const text =
    best(
      wordy.filter((one) => one !== label),
      'text',
    ) ?? longest(wordy.filter((one) => one !== label));
  if (label === undefined || text === undefined) return null;
  return labelGuess(text, label, `By their names, "${text.name}" is a text and "${label.name}" its label`);
}

function turnsGuess(wordy: readonly Traits[], user: Traits, assistant: Traits): Guess {
  const roles = new Map<number, ColumnRole>([
    [user.column, 'user'],
    [assistant.column, 'assistant'],
  ]);
  for (const role of ['system', 'context'] as const) {
    const found = best(
      wordy.filter((one) => !roles.has(one.column)),
      role,
    );
    if (found !== undefined) roles.set(found.column, role);
  }
  const reason = `By their names, "${user.name}" is the question and "${assistant.name}" the answer. Please check.`;
  return { format: 'prompt-completion', roles, reason };
}

function labelGuess(text: Traits, label: Traits, why: string): Guess {
  const roles = new Map<number, ColumnRole>([
    [text.column, 'text'],
    [label.column, 'label'],
  ]);
  return { format: 'text-label', roles, reason: `${why}. Please check.` };
}

/** By the values: a single text column is plain text, a column of few values is a label, two columns are question and answer. */
function byContent(usable: readonly Traits[]): Guess | null {
  const label = usable.length === 2 ? usable.find((one) => one.labels) : undefined;
  const text = longest(usable.filter((one) => one !== label));
  if (label !== undefined && text !== undefined)
    return labelGuess(text, label, `"${label.name}" has a few values that repeat, like labels`);
  const [first, second] = usable;
  if (first !== undefined && second !== undefined && usable.length === 2) {
    const guess = turnsGuess([], first, second);
    return {
      ...guess,
      reason: `Of the two text columns, "${first.name}" was taken as the question and "${second.name}" as the answer. Please check.`,
    };
  }
  const only = text ?? label;
  if (only === undefined) return null;
  const what = usable.length === 1 ? 'is the only text column' : 'has the longest texts. Please check';
  return { format: 'text', roles: asRoles([only, 'text']), reason: `"${only.name}" ${what}.` };
}

function best(traits: readonly Traits[], role: ColumnRole): Traits | undefined {
  const ranked = traits.map((one) => ({ one, rank: keywordRank(one.name, role) })).filter(({ rank }) => rank >= 0);
  return ranked.sort((a, b) => a.rank - b.rank)[0]?.one;
}

function longest(traits: readonly Traits[]): Traits | undefined {
  return [...traits].sort((a, b) => b.meanLength - a.meanLength)[0];
}

/** The best columns for the roles that a format needs, where the user chose the format. */
const FILLERS: Record<Format, (traits: readonly Traits[]) => Roles> = {
  messages: fillList,
  sharegpt: fillList,
  alpaca: fillTurns,
  'prompt-completion': fillTurns,
  preference: fillTurns,
  text: (traits) => asRoles([longest(traits), 'text']),
  'text-label': (traits) => {
    const label = best(traits, 'label') ?? traits.find((one) => one.labels) ?? traits.at(-1);
    return asRoles([longest(traits.filter((one) => one !== label)), 'text'], [label, 'label']);
  },
};

function fillList(traits: readonly Traits[]): Roles {
  return asRoles([firstList(traits), 'messages']);
}

function fillTurns(traits: readonly Traits[]): Roles {
  const assistant = best(traits, 'assistant') ?? best(traits, 'label') ?? traits.at(-1);
  const others = traits.filter((one) => one !== assistant);
  return asRoles([best(others, 'user') ?? best(others, 'text') ?? longest(others), 'user'], [assistant, 'assistant']);
}

function asRoles(...pairs: readonly (readonly [Traits | undefined, ColumnRole])[]): Roles {
  return new Map(pairs.flatMap(([one, role]) => (one === undefined ? [] : [[one.column, role] as const])));
}
