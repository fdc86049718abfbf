/** Reads a file that is one JSON object: with a list of examples under a key, with a list for each column, or a single example. */

import { CodedError } from '../core/errors';
import { isRecord, jsonProblem, readSlices } from './json';
import { scanValues, type JsonSlice } from './json-scan';
import { countLines } from './reader';
import type { ParsedTable } from './table';

/** One object is parsed as a whole, so it must fit in memory some times over. */
const LARGEST = 1 << 27;

/** Throws data/parse for a text that is no JSON object, or too large for one. */
export async function readObject(text: Blob): Promise<ParsedTable> {
  if (text.size > LARGEST) throw tooLarge(text.size);
  const whole = await text.text();
  let value: unknown;
  try {
    value = JSON.parse(whole);
  } catch (error) {
    throw new CodedError(
      'data/parse',
      `This file is neither a JSON list nor one JSON object a line. ${jsonProblem(whole, error)}`,
    );
  }
  if (!isRecord(value))
    throw new CodedError('data/parse', 'This file has a single JSON value that is no object. Drop a list of objects.');
  return underKey(whole, value) ?? byColumn(value) ?? alone(value);
}

function tooLarge(size: number): CodedError {
  const found = `This file is one JSON object of ${size >> 20} MB, and at most ${LARGEST >> 20} MB can be read at once`;
  return new CodedError('data/parse', `${found}. Save the examples as JSON lines, one object a line, which may have any size.`);
}

/** A list of chat messages is an example, not a list of examples. */
const CHAT = /^(messages|conversations?|history)$/i;

type Named = readonly [key: string, list: readonly Record<string, unknown>[]];

/**
 * The lists of objects among the values that have a key in common with the longest; of several, each row has the name of its list in the
 * column `split`. Null when there is none.
 */
function underKey(text: string, value: Record<string, unknown>): ParsedTable | null {
  const lists = Object.entries(value).flatMap(([key, list]): Named[] => (isListOfRecords(list) ? [[key, list]] : []));
  const longest = [...lists].sort((a, b) => b[1].length - a[1].length)[0];
  if (longest === undefined || CHAT.test(longest[0])) return null;
  const keys = Object.keys(longest[1][0] ?? {});
  const alike = lists.filter(([, [first]]) => keys.some((key) => Object.hasOwn(first ?? {}, key)));
  if (alike.length === 1) return tableOf(slicesOf(text, longest), `The examples were taken from "${longest[0]}".`);
  const slices = alike.flatMap((list) => slicesOf(text, list).map((slice) => withSplit(slice, list[0])));
  const names = alike.map(([key, list]) => `"${key}" (${list.length})`);
  const joined = `The lists ${names.slice(0, -1).join(', ')} and ${names.at(-1) ?? ''} were joined`;
  return tableOf(slices, `${joined}; the column "split" names the list of each row.`);
}

const isListOfRecords = (value: unknown): value is Record<string, unknown>[] =>
  Array.isArray(value) && value.length > 0 && value.every(isRecord);

function slicesOf(text: string, [key, list]: Named): readonly JsonSlice[] {
  return slicesUnder(text, key, list.length) ?? list.map((one) => ({ line: 1, text: JSON.stringify(one) }));
}

/** A row with the name of its list; one that has a `split` keeps it. */
function withSplit({ line, text }: JsonSlice, split: string): JsonSlice {
  const record: unknown = JSON.parse(text);
  return { line, text: isRecord(record) && !Object.hasOwn(record, 'split') ? JSON.stringify({ ...record, split }) : text };
}

/** The elements of the list under `key` with their lines: where the key occurs first, if that has `count` elements; else null. */
function slicesUnder(text: string, key: string, count: number): readonly JsonSlice[] | null {
  const quoted = JSON.stringify(key);
  const found = text.indexOf(quoted);
  const open = found < 0 ? -1 : text.indexOf('[', found + quoted.length);
  if (open < 0 || !/^\s*:\s*$/.test(text.slice(found + quoted.length, open))) return null;
  const list = text.slice(open, listEnd(text, open));
  const { slices } = scanValues(list, 1 + countLines(text, 0, open), true);
  return slices.length === count ? slices : null;
}

/** The position after the list at `open`, in valid JSON. */
function listEnd(text: string, open: number): number {
  let depth = 0;
  let inString = false;
  for (let at = open; at < text.length; at++) {
    const char = text[at];
    if (char === '\\' && inString) at++;
    else if (char === '"') inString = !inString;
    else if (!inString && (char === '[' || char === '{')) depth++;
    else if (!inString && (char === ']' || char === '}') && --depth === 0) return at + 1;
  }
  return text.length;
}

/** A list, or an object by row name, for each column (pandas: `to_json()`), or `columns` and `data` (`orient="split"`); null for others. */
function byColumn(value: Record<string, unknown>): ParsedTable | null {
  const columns = splitOriented(value) ?? columnLists(value);
  if (columns === null) return null;
  const count = Math.max(0, ...columns.map(([, cells]) => cells.length));
  const records = Array.from({ length: count }, (_, row) =>
    Object.fromEntries(columns.map(([name, cells]) => [name, cells[row]])),
  );
  const slices = records.map((record) => ({ line: 1, text: JSON.stringify(record) }));
  return tableOf(slices, 'The file has a list for each column, as pandas writes it; row by row they are the examples.');
}

type Columns = readonly (readonly [name: string, cells: readonly unknown[]])[];

function splitOriented({ columns, data }: Record<string, unknown>): Columns | null {
  const named = Array.isArray(columns) && columns.every((name) => typeof name === 'string') ? columns : null;
  const rows = Array.isArray(data) && data.every((row): row is unknown[] => Array.isArray(row)) ? data : null;
  if (named === null || rows === null) return null;
  return named.map((name, column) => [name, rows.map((row) => row[column])]);
}

function columnLists(value: Record<string, unknown>): Columns | null {
  const columns = Object.entries(value).map(([name, cells]) => [name, cellList(cells)] as const);
  const lists = columns.filter((column): column is readonly [string, readonly unknown[]] => column[1] !== null);
  const lengths = new Set(lists.map(([, cells]) => cells.length));
  const isTable = lists.length === columns.length && lengths.size === 1 && (lists[0]?.[1].length ?? 0) > 1;
  return isTable && !columns.some(([name]) => CHAT.test(name)) ? lists : null;
}

/** The cells of a column: of a list, or of an object with the keys 0, 1, 2, …. */
function cellList(value: unknown): readonly unknown[] | null {
  if (Array.isArray(value)) return value.some(isRecord) ? null : value;
  if (!isRecord(value)) return null;
  const keys = Object.keys(value);
  return keys.length > 0 && keys.every((key) => /^\d+$/.test(key)) ? Object.values(value) : null;
}

function alone(value: Record<string, unknown>): ParsedTable {
  return tableOf([{ line: 1, text: JSON.stringify(value) }], 'The file has a single JSON value, which was taken as one example.');
}

function tableOf(slices: readonly JsonSlice[], note: string): ParsedTable {
  const columns = new Map<string, number>();
  const read = readSlices(slices, columns);
  return { columns: [...columns.keys()], ...read, notes: [note], headerless: false };
}
