/** Rows of which a teacher is to write the answers: what it reads, and what becomes of the row. */

import { CodedError } from '../core/errors';
import { permutation, STREAM } from '../core/random';
import { teachingProblem } from '../recipe/teachable';
import { isProblem } from './cells';
import type { Dataset } from './dataset';
import { mapRows } from './map';
import { originOf } from './row-origin';
import { listOfRows, type Row, type Table } from './table';
import type { Mapping, Message } from './types';

/** Which rows are answered. */
export interface TeachingWish {
  /** Those for training, or those for validation and test too. */
  readonly part: 'train' | 'all';
  /** The most rows; a sample of them where there are more. */
  readonly most: number;
  readonly seed: number;
}

/** A row that is to be answered. */
export interface TaughtRow {
  readonly line: number;
  /** The conversation up to the answer: ends with the turn of a user. */
  readonly prompt: readonly Message[];
  /** The answer that the data have. */
  readonly original: string;
  /** The cells that stay, by the names of their columns. */
  readonly cells: Readonly<Record<string, unknown>>;
}

export interface TaughtRows {
  /** The answer is a cell of its own, or the last turn of a conversation in one cell. */
  readonly form: 'answer' | 'conversation';
  /** The column of the answer or of the conversation. */
  readonly column: string;
  /** In the order of the file. */
  readonly rows: readonly TaughtRow[];
}

/**
 * The rows that a teacher is to answer. `parts`: the part of each row that can be used, by its origin; others are left out, as are
 * conversations with calls of tools. Throws `data/columns` for data of another form, `data/no-examples` when no row is left.
 */
export async function taughtRows(
  { table, mapping }: Pick<Dataset, 'table' | 'mapping'>,
  parts: ReadonlyMap<number, string>,
  { part, most, seed }: TeachingWish,
): Promise<TaughtRows> {
  const problem = teachingProblem(mapping);
  if (problem !== null) throw new CodedError('data/columns', problem);
  const candidates = await rowsOf(table, (origin) => {
    const own = parts.get(origin);
    return own !== undefined && (part === 'all' || own === part);
  });
  const form = mapping.roles.includes('assistant') ? 'answer' : 'conversation';
  const column = table.columns[mapping.roles.indexOf(form === 'answer' ? 'assistant' : 'messages')] ?? '';
  const kept = keptColumns(mapping, form);
  const chosen: { readonly at: number; readonly row: TaughtRow }[] = [];
  for (const at of permutation(candidates.length, seed, 0, STREAM.teach)) {
    if (chosen.length >= most) break;
    const row = candidates[at];
    const taught = row && (await taughtRow(row, table, mapping, kept));
    if (taught) chosen.push({ at, row: taught });
  }
  if (chosen.length === 0)
    throw new CodedError('data/no-examples', 'No row has a question that a teacher could answer. Take other data or other rows.');
  return { form, column, rows: chosen.sort((a, b) => a.at - b.at).map(({ row }) => row) };
}

/** The rows that are wanted; of those that data steps made of one row, the first. */
async function rowsOf({ rows }: Table, isWanted: (origin: number) => boolean): Promise<readonly Row[]> {
  const found = new Map<number, Row>();
  for await (const chunk of rows.read()) {
    for (const row of chunk) {
      const origin = originOf(row);
      if (!found.has(origin) && isWanted(origin)) found.set(origin, row);
    }
  }
  return [...found.values()];
}

/** Positions of the columns that stay. A conversation is written anew, with its system message: of its columns none stays. */
function keptColumns({ roles }: Mapping, form: TaughtRows['form']): readonly number[] {
  return [...roles.keys()].filter((column) => {
    const role = roles[column] ?? 'ignore';
    return role === 'ignore' || (form === 'answer' && role !== 'assistant');
  });
}

/** Null for a row that a teacher can't answer. */
async function taughtRow(row: Row, table: Table, mapping: Mapping, kept: readonly number[]): Promise<TaughtRow | null> {
  const made = [];
  for await (const chunk of mapRows({ ...table, rows: listOfRows([row]) }, mapping).read()) made.push(...chunk);
  const [example] = made;
  if (made.length !== 1 || example === undefined || isProblem(example) || example.kind !== 'chat') return null;
  const { messages } = example;
  const at = messages.findLastIndex(({ role, weight }) => role === 'assistant' && weight !== 0);
  const prompt = messages.slice(0, at);
  const usesTools = example.tools !== undefined || messages.some(({ role, toolCalls }) => role === 'tool' || toolCalls);
  if (usesTools || prompt.at(-1)?.role !== 'user') return null;
  return { line: row.line, prompt, original: messages[at]?.content ?? '', cells: cellsOf(row, table, mapping, kept) };
}

/** Without objects that are not used: they may have the answer inside. */
function cellsOf({ cells }: Row, { columns }: Table, { roles }: Mapping, kept: readonly number[]): Record<string, unknown> {
  const stays = kept.filter((column) => (roles[column] ?? 'ignore') !== 'ignore' || typeof cells[column] !== 'object');
  return Object.fromEntries(
    stays.flatMap((column) => (cells[column] === undefined ? [] : [[columns[column] ?? '', cells[column]]])),
  );
}
