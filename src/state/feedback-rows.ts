/**
 * Ratings as rows for training and for files, and back. The rows are those of TRL ("Dataset formats and types", conversational): KTO reads
 * {prompt, completion, label}, DPO {prompt, chosen, rejected}, next-token prediction {messages}. Pure.
 */

import type { Choice, Correction, FeedbackKind, Message, Rating, Thumb } from '../../workers/api';
import { CodedError, type Problem } from '../core/errors';

type Turn = Pick<Message, 'role' | 'content'>;

/** A row of a file. */
export type Row =
  | { readonly prompt: readonly Turn[]; readonly completion: readonly Turn[]; readonly label: boolean }
  | { readonly prompt: readonly Turn[]; readonly chosen: readonly Turn[]; readonly rejected: readonly Turn[] }
  | { readonly messages: readonly Turn[] };

const plain = (messages: readonly Message[]): Turn[] => messages.map(({ role, content }) => ({ role, content }));
const answered = (content: string): Turn[] => [{ role: 'assistant', content }];

const ROWS: Readonly<Record<FeedbackKind, (rating: Rating) => readonly Row[]>> = {
  kto: (rating) =>
    rating.kind === 'thumb' ? [{ prompt: plain(rating.prompt), completion: answered(rating.answer), label: rating.good }] : [],
  dpo: (rating) => pairOf(rating),
  sft: (rating) => (rating.kind === 'correction' ? [{ messages: [...plain(rating.prompt), ...answered(rating.better)] }] : []),
};

/** A choice, or a correction against the answer that it corrects. */
function pairOf(rating: Rating): readonly Row[] {
  if (rating.kind === 'thumb') return [];
  const [chosen, rejected] = rating.kind === 'choice' ? [rating.chosen, rating.rejected] : [rating.better, rating.original];
  return rejected === null ? [] : [{ prompt: plain(rating.prompt), chosen: answered(chosen), rejected: answered(rejected) }];
}

/** The rows that an objective learns from, in the order of the ratings. */
export function rowsOf(kind: FeedbackKind, ratings: readonly Rating[]): readonly Row[] {
  return ratings.flatMap(ROWS[kind]);
}

/** The rows as JSON lines. */
export function jsonlOf(kind: FeedbackKind, ratings: readonly Rating[]): string {
  return rowsOf(kind, ratings)
    .map((row) => `${JSON.stringify(row)}\n`)
    .join('');
}

/** What a row of a file says. */
export type Read =
  | Pick<Thumb, 'kind' | 'prompt' | 'answer' | 'good'>
  | Pick<Choice, 'kind' | 'prompt' | 'chosen' | 'rejected'>
  | Pick<Correction, 'kind' | 'prompt' | 'better' | 'original'>;

/** Reads a file of such rows. Throws `data/parse` with every line that is wrong, and `data/no-examples` for a file without rows. */
export function readJsonl(name: string, text: string): readonly Read[] {
  const lines = text.split('\n').map((line, i) => ({ line: line.trim(), where: `line ${i + 1}` }));
  const read = lines.filter(({ line }) => line !== '').map(({ line, where }) => ({ where, found: readRow(line) }));
  const problems = read.flatMap(({ where, found }): Problem[] => (typeof found === 'string' ? [{ where, message: found }] : []));
  if (problems.length > 0) {
    const some = `${problems.length} of ${read.length} lines of ${name} are no ratings.`;
    throw new CodedError('data/parse', `${some} Expected rows for KTO, DPO or SFT as this page saves them.`, problems);
  }
  if (read.length === 0) throw new CodedError('data/no-examples', `${name} has no rows. Choose a file of ratings.`);
  return read.flatMap(({ found }) => (typeof found === 'string' ? [] : [found]));
}

type Fields = Readonly<Record<string, unknown>>;

function readRow(line: string): Read | string {
  const row = fieldsOf(line);
  if (row === null) return 'It is not a JSON object.';
  if ('label' in row) return readThumb(row);
  if ('rejected' in row) return readChoice(row);
  return readCorrection(row);
}

function readThumb(row: Fields): Read | string {
  const [prompt, answer, good] = [promptIn(row['prompt']), answerIn(row['completion']), row['label']];
  if (prompt === null || answer === null) return 'It needs a prompt and a completion: texts or lists of messages.';
  return typeof good === 'boolean' ? { kind: 'thumb', prompt, answer, good } : 'Its label is not true or false.';
}

function readChoice(row: Fields): Read | string {
  const [prompt, chosen, rejected] = [promptIn(row['prompt']), answerIn(row['chosen']), answerIn(row['rejected'])];
  if (prompt === null || chosen === null || rejected === null)
    return 'It needs a prompt, a chosen and a rejected answer: texts or lists of messages.';
  return { kind: 'choice', prompt, chosen, rejected };
}

function readCorrection(row: Fields): Read | string {
  const turns = turnsIn(row['messages']);
  const better = turns?.at(-1);
  if (turns === null || better?.role !== 'assistant' || turns.at(-2)?.role !== 'user')
    return 'It has none of the columns label, rejected and messages, or its messages do not end with a question and its answer.';
  return { kind: 'correction', prompt: turns.slice(0, -1), better: better.content, original: null };
}

function fieldsOf(line: string): Fields | null {
  try {
    const value = JSON.parse(line) as unknown;
    return isFields(value) ? value : null;
  } catch {
    return null;
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What was asked: messages that end with the user's, or a text. */
function promptIn(value: unknown): readonly Turn[] | null {
  const turns = typeof value === 'string' ? [{ role: 'user', content: value } as const] : turnsIn(value);
  return turns?.at(-1)?.role === 'user' ? turns : null;
}

/** An answer: one message of the assistant, or a text. */
function answerIn(value: unknown): string | null {
  if (typeof value === 'string') return value;
  const turns = turnsIn(value);
  const [first] = turns ?? [];
  return turns?.length === 1 && first?.role === 'assistant' ? first.content : null;
}

const ROLES: readonly Message['role'][] = ['system', 'user', 'assistant'];

function turnsIn(value: unknown): readonly Turn[] | null {
  if (!Array.isArray(value)) return null;
  const turns = value.map(turnIn);
  return turns.every((turn) => turn !== null) ? turns : null;
}

function turnIn(value: unknown): Turn | null {
  if (!isFields(value)) return null;
  const role = ROLES.find((one) => one === value['role']);
  return role !== undefined && typeof value['content'] === 'string' ? { role, content: value['content'] } : null;
}

/** The question, as the key of its ratings. */
export const promptKey = (prompt: readonly Message[]): string =>
  JSON.stringify(prompt.map(({ role, content }) => [role, content]));

/** What two ratings share that say the same. */
function contentOf(one: Read): string {
  const asked = promptKey(one.prompt);
  if (one.kind === 'thumb') return JSON.stringify([one.kind, asked, one.answer, one.good]);
  if (one.kind === 'choice') return JSON.stringify([one.kind, asked, one.chosen, one.rejected]);
  return JSON.stringify([one.kind, asked, one.better]);
}

/** Those that say what none of the `known` ratings says, each once. */
export function unknownOf(read: readonly Read[], known: readonly Rating[]): readonly Read[] {
  const there = new Set(known.map(contentOf));
  const each = new Map(read.map((one) => [contentOf(one), one]));
  return [...each].filter(([content]) => !there.has(content)).map(([, one]) => one);
}
