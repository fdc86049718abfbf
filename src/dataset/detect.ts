/**
 * Detects format and column roles from the first rows, in this order: preference columns, exact column names, message lists,
 * words in the column names, the values.
 */

import { CodedError } from '../core/errors';
import { missingRoles } from './check';
import {
  isDesirability,
  isMargin,
  isPictures,
  isPreferred,
  isRejected,
  isTitle,
  isToolList,
  keywordRank,
  matchKeySet,
} from './names';
import type { Table } from './table';
import { best, isUsable, longest, traitsOfColumns, type Traits } from './traits';
import type { ColumnRole, Format, Mapping } from './types';

/** A mapping, and a sentence that says why it was chosen. */
export interface Detection {
  readonly mapping: Mapping;
  readonly reason: string;
}

/** Detects the mapping of `table`. Throws data/columns when no column has text. */
export function detect(table: Table): Detection {
  const traits = traitsOfColumns(table);
  const usable = traits.filter((one) => one.lists !== null || (one.wordy && isUsable(one)));
  const guess =
    byPreference(traits) ??
    byNames(table, traits) ??
    byInstances(traits) ??
    byStructure(traits) ??
    byWords(traits) ??
    (table.headerless ? byClass(traits) : null) ??
    byContent(usable);
  if (guess === null) throw noTextColumn(table);
  const { format } = guess;
  const found = companions(format, traits, guess.roles);
  const roles = rolesOf(traits, new Map([...guess.roles, ...found.roles]));
  return { mapping: { format, roles }, reason: [guess.reason, ...found.reasons].join(' ') };
}

/** Tools and pictures belong to conversations, whatever says which columns these are. */
function companions(format: Format, traits: readonly Traits[], roles: Roles): { roles: Roles; reasons: readonly string[] } {
  if (format === 'text' || format === 'text-label') return { roles: new Map(), reasons: [] };
  const free = traits.filter((one) => (roles.get(one.column) ?? 'ignore') === 'ignore');
  const tools = free.find((one) => one.nested && isToolList(one.name));
  const pictures = free.filter((one) => isPictures(one.name));
  return {
    roles: asRoles([tools, 'tools'], ...pictures.map((one) => [one, 'images'] as const)),
    reasons: [
      ...(tools === undefined ? [] : [`"${tools.name}" has the tools that may be called.`]),
      ...(pictures.length === 0 ? [] : [`${listed(pictures)}: pictures, which are not read.`]),
    ],
  };
}

/** Roles for a format that the user chose: the given ones if they suffice, else detected ones if those do. */
export function suggestRoles(table: Table, wanted: Mapping): Mapping {
  if (missingRoles(wanted, table.columns) === null) return wanted;
  const traits = traitsOfColumns(table);
  const preference = wanted.format === 'preference' ? byPreference(traits) : null;
  const roles = preference?.roles ?? FILLERS[wanted.format](traits.filter(isUsable));
  const mapping = { format: wanted.format, roles: rolesOf(traits, roles) };
  return missingRoles(mapping, table.columns) === null ? mapping : wanted;
}

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

/** Preference data: pairs of a preferred and a rejected answer, or answers labelled true and false. */
function byPreference(traits: readonly Traits[]): Guess | null {
  return pairGuess(traits) ?? labelledGuess(traits);
}

function pairGuess(traits: readonly Traits[]): Guess | null {
  const chosen = traits.find((one) => isPreferred(one.name) && !one.truths);
  const rejected = traits.find((one) => isRejected(one.name) && !one.truths);
  if (chosen === undefined || rejected === undefined) return null;
  const margin = traits.find((one) => isMargin(one.name) && !one.wordy && !one.nested && !one.truths);
  const roles = promptRoles(traits.filter((one) => one !== chosen && !one.whole && isUsable(one)));
  const prompted = [...roles.values()].some((role) => role === 'user' || role === 'messages');
  const prompt = prompted || chosen.nested ? '' : ' The prompt is what both begin with.';
  return {
    format: 'preference',
    roles: new Map([...roles, ...asRoles([chosen, 'assistant'], [rejected, 'rejected'], [margin, 'margin'])]),
    reason: `"${chosen.name}" and "${rejected.name}" are the preferred and the rejected answer.${prompt}${marginWords(margin)}`,
  };
}

const marginWords = (margin: Traits | undefined) =>
  margin === undefined ? '' : ` "${margin.name}" tells by how much the preferred one is better, which a reward model learns.`;

/** Prompts with one answer each, or conversations, and a label that tells the desirable from the undesirable. */
function labelledGuess(traits: readonly Traits[]): Guess | null {
  const label = traits.find((one) => (one.truths || one.flags) && isDesirability(one.name));
  const others = traits.filter((one) => one !== label && isUsable(one));
  const answer = best(
    others.filter((one) => one.wordy || one.nested),
    'assistant',
  );
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

/** An instruction with a list of inputs and outputs (Self-Instruct). */
function byInstances(traits: readonly Traits[]): Guess | null {
  const instances = traits.find((one) => one.instances);
  const user = best(
    traits.filter((one) => one.wordy && isUsable(one)),
    'user',
  );
  if (instances === undefined || user === undefined) return null;
  const reason = `"${instances.name}" has an input and an output for the instruction in "${user.name}"; each is an example.`;
  return { format: 'alpaca', roles: asRoles([user, 'user'], [instances, 'instances']), reason };
}

/** A column of message lists; the final answer may be in a column of its own. */
function byStructure(traits: readonly Traits[]): Guess | null {
  const list = firstList(traits);
  if (list === undefined) return null;
  const answer = list.whole ? undefined : traits.find((one) => one !== list && ANSWER.test(one.name) && !one.whole);
  const system = traits.find((one) => one.wordy && keywordRank(one.name, 'system') >= 0);
  const roles = asRoles([list, 'messages'], [answer, 'assistant'], [system, 'system']);
  const sharegpt = list.lists === 'sharegpt';
  const chosen = answer === undefined ? '' : ` The answer to learn is in "${answer.name}".`;
  const prompted = system === undefined ? '' : ` "${system.name}" is the system prompt.`;
  const keys = sharegpt ? 'from and value' : 'role and content';
  const reason = `"${list.name}" has lists of messages with ${keys}.${chosen}${prompted}`;
  return { format: sharegpt ? 'sharegpt' : 'messages', roles, reason };
}

/** Columns with an answer to a conversation. */
const ANSWER = /^(chosen|completion|response)$/i;

/** The column of conversations; an answer in message form only if there is no other. */
function firstList(traits: readonly Traits[]): Traits | undefined {
  const lists = traits.filter((one) => one.lists !== null && !isRejected(one.name));
  return lists.find((one) => !ANSWER.test(one.name)) ?? lists[0];
}

/** By words in the column names: a question and an answer, or a text and its label. */
function byWords(traits: readonly Traits[]): Guess | null {
  const usable = traits.filter(isUsable);
  const wordy = usable.filter((one) => one.wordy);
  const assistant = best(
    usable.filter((one) => one.wordy || one.alternatives || !one.nested),
    'assistant',
  );
  const asks = wordy.filter((one) => one !== assistant);
  // A column of a few words that repeat (a language, a department) asks nothing, unless there is no other.
  const open = asks.filter((one) => !one.labels);
  const user = best(open, 'user') ?? best(open, 'text') ?? best(asks, 'user') ?? best(asks, 'text');
  if (assistant !== undefined && user !== undefined) return turnsGuess(wordy, user, assistant);
  const label = best(
    traits.filter((one) => one.labels),
    'label',
  );
  const others = wordy.filter((one) => one !== label);
  const text = best(others, 'text') ?? longest(others);
  if (label === undefined || text === undefined) return null;
  const titles = others.filter((one) => one !== text && isTitle(one.name));
  const texts = [...titles, text].sort((a, b) => a.column - b.column);
  return labelGuess(
    texts,
    label,
    `By their names, ${listed(texts)} ${texts.length > 1 ? 'are' : 'is'} a text and "${label.name}" its label`,
  );
}

/** A question and its answer, with the system prompt and what is added to the question among the other columns. */
function turnsGuess(wordy: readonly Traits[], user: Traits, assistant: Traits): Guess {
  const rest = wordy.filter((one) => one !== user && one !== assistant);
  // A title belongs to a text that stands for the question.
  const titles = keywordRank(user.name, 'user') < 0 ? rest.filter((one) => isTitle(one.name)) : [];
  const questions = [...titles, user].sort((a, b) => a.column - b.column);
  const others = rest.filter((one) => !titles.includes(one));
  const system = best(others, 'system');
  const context = best(
    others.filter((one) => !one.labels),
    'context',
  );
  const unused = others.filter((one) => one !== system && one !== context);
  const reason = [
    `By their names, ${listed(questions)} ${questions.length > 1 ? 'are' : 'is'} the question and "${assistant.name}" the answer.`,
    ...(system === undefined ? [] : [`"${system.name}" is the system prompt.`]),
    ...(context === undefined ? [] : [`"${context.name}" is added to the question.`]),
    ...(unused.length === 0 ? [] : [`Not used: ${listed(unused)}.`]),
    'Please check.',
  ];
  const asked = questions.map((one) => [one, 'user'] as const);
  const roles = asRoles(...asked, [assistant, 'assistant'], [system, 'system'], [context, 'context']);
  return { format: 'prompt-completion', roles, reason: reason.join(' ') };
}

const SHOWN = 6;

/** Quoted names, the first of many. */
function listed(traits: readonly Traits[]): string {
  const names = traits.slice(0, SHOWN).map((one) => `"${one.name}"`);
  return traits.length > SHOWN ? `${names.join(', ')} and ${traits.length - SHOWN} more` : names.join(' and ');
}

function labelGuess(texts: readonly Traits[], label: Traits, why: string): Guess {
  const roles = asRoles(...texts.map((text) => [text, 'text'] as const), [label, 'label']);
  return { format: 'text-label', roles, reason: `${why}. Please check.` };
}

/** Of a file without column names: a column of few values beside texts is the class of all of them. */
function byClass(traits: readonly Traits[]): Guess | null {
  const label = traits.find((one) => one.labels);
  const texts = traits.filter((one) => one !== label && one.wordy);
  if (label === undefined || texts.length === 0) return null;
  const rest = texts.length > 1 ? ` The texts of ${listed(texts)} are joined` : '';
  return labelGuess(texts, label, `"${label.name}" has a few values that repeat, like labels.${rest}`.replace(/\.$/, ''));
}

/** By the values: a single text column is plain text, a column of few values is a label, two columns are question and answer. */
function byContent(usable: readonly Traits[]): Guess | null {
  const label = usable.length === 2 ? usable.find((one) => one.labels) : undefined;
  const text = longest(usable.filter((one) => one !== label));
  if (label !== undefined && text !== undefined)
    return labelGuess([text], label, `"${label.name}" has a few values that repeat, like labels`);
  const [first, second] = usable;
  if (first !== undefined && second !== undefined && usable.length === 2) {
    const taken = `"${first.name}" was taken as the question and "${second.name}" as the answer`;
    const roles = asRoles([first, 'user'], [second, 'assistant']);
    return { format: 'prompt-completion', roles, reason: `Of the two text columns, ${taken}. Please check.` };
  }
  const only = text ?? label;
  if (only === undefined) return null;
  const what = usable.length === 1 ? 'is the only text column' : 'has the longest texts. Please check';
  return { format: 'text', roles: asRoles([only, 'text']), reason: `"${only.name}" ${what}.` };
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
