/** Parses JSON lines and JSON arrays. Each row is parsed separately, so that a broken row does not affect the others. */

import { CodedError, messageOf } from '../core/errors';
import { scanArray } from './json-scan';
import { cellText, MAX_COLUMNS, type ParsedTable, type Row } from './table';
import type { RowProblem } from './types';

interface Value {
  readonly line: number;
  readonly value: unknown;
}

interface Values {
  readonly values: readonly Value[];
  readonly problems: readonly RowProblem[];
}

/** One JSON value a line; blank lines are skipped. */
export function parseJsonl(text: string): ParsedTable {
  const slices = text.split('\n').map((line, i) => ({ line: i + 1, text: line.trim() }));
  const parsed = parseEach(slices.filter((slice) => slice.text !== ''));
  return tableOf(parsed, []);
}

/**
 * A JSON array of examples, an object that has one under some key (`data`, `train`, ...), or a single example. Throws data/parse
 * when a bracket or quote is never closed, because the rows then have no known ends.
 */
export function parseJson(text: string): ParsedTable {
  const start = text.search(/\S/);
  if (text[start] === '[') return tableOf(parseEach(scanArray(text, start)), []);
  const line = text.slice(0, start).split('\n').length;
  const whole = parseEach([{ line, text }]);
  const [only] = whole.values;
  if (only === undefined) throw notJson(whole.problems);
  return wrapped(text, only.value) ?? tableOf(whole, ['The file has a single JSON value, which was taken as one example.']);
}

function notJson(problems: readonly RowProblem[]): CodedError {
  const message = problems[0]?.message ?? 'It has no value.';
  return new CodedError('data/parse', `This file is neither a JSON array nor one JSON object a line. ${message}`);
}

/** A table of the longest list of objects among the values of an object; null when it has none. */
function wrapped(text: string, value: unknown): ParsedTable | null {
  if (!isRecord(value)) return null;
  const lists = Object.entries(value).filter((entry): entry is [string, unknown[]] => isListOfRecords(entry[1]));
  const [longest] = lists.sort((a, b) => b[1].length - a[1].length);
  // A list of chat messages is an example, not a list of examples.
  if (longest === undefined || /^(messages|conversations?|history)$/i.test(longest[0])) return null;
  const at = arrayStart(text, longest[0], longest[1].length);
  const note = `The examples were taken from "${longest[0]}".`;
  if (at !== null) return tableOf(parseEach(scanArray(text, at, false)), [note]);
  return tableOf({ values: longest[1].map((one) => ({ line: 1, value: one })), problems: [] }, [note]);
}

/** Index of the array under `key`: the first occurrence of the key, if it has an array of `count` elements; else null. */
function arrayStart(text: string, key: string, count: number): number | null {
  const found = text.indexOf(JSON.stringify(key));
  const open = found < 0 ? -1 : text.indexOf('[', found);
  if (open < 0 || !/^"\s*:\s*\[$/.test(text.slice(found + JSON.stringify(key).length - 1, open + 1))) return null;
  return scanArray(text, open, false).length === count ? open : null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const isListOfRecords = (value: unknown) => Array.isArray(value) && value.length > 0 && value.every(isRecord);

function parseEach(slices: readonly { readonly line: number; readonly text: string }[]): Values {
  const values: Value[] = [];
  const problems: RowProblem[] = [];
  for (const { line, text } of slices) {
    try {
      values.push({ line, value: JSON.parse(text) as unknown });
    } catch (error) {
      problems.push({ line, message: jsonProblem(text, error) });
    }
  }
  return { values, problems };
}

/** Mistakes that programs make when they write JSON, and how to fix them. */
const HINTS: readonly (readonly [pattern: RegExp, hint: string])[] = [
  [/[:[,]\s*-?(NaN|Infinity)\b/, 'Python wrote NaN or Infinity, which JSON does not have: write null, or leave the key out.'],
  [/[:[,]\s*(None|True|False)\b/, 'This is a Python literal: write it with json.dumps, which gives null, true and false.'],
  [/^\s*[[{]\s*'/, 'This is a Python literal with single quotes: write it with json.dumps, which gives double quotes.'],
  [/,\s*[}\]]/, 'There is a comma before a closing bracket: remove it.'],
  [/^[^"]*("[^"]*"[^"]*)*"[^"]*$/, 'A string or an object is not closed: each line must hold one whole object.'],
];

function jsonProblem(text: string, error: unknown): string {
  const hint = HINTS.find(([pattern]) => pattern.test(text.slice(0, 10000)))?.[1];
  if (hint !== undefined) return `Not valid JSON. ${hint}`;
  const detail = messageOf(error)
    .replace(/ in JSON at position.*$/s, '')
    .replace(/, ?"[^]*$/, '');
  return `Not valid JSON (${detail.slice(0, 120)}). Each example must be one whole object.`;
}

/** Columns are all keys in order of first appearance. Values that are plain strings become the column `text`. */
function tableOf({ values, problems }: Values, notes: readonly string[]): ParsedTable {
  const columns = new Map<string, number>();
  const rows: Row[] = [];
  const bad: RowProblem[] = [...problems];
  for (const { line, value } of values) {
    const record = typeof value === 'string' ? { text: value } : value;
    if (isRecord(record)) rows.push({ line, cells: cellsOf(record, columns) });
    else
      bad.push({
        line,
        message: `This row is ${describe(value)}; expected an object such as {"prompt": "…", "completion": "…"}.`,
      });
    if (columns.size > MAX_COLUMNS) break;
  }
  bad.sort((a, b) => a.line - b.line);
  return { columns: [...columns.keys()], rows, problems: bad, notes, headerless: false };
}

function cellsOf(record: Record<string, unknown>, columns: Map<string, number>): unknown[] {
  const cells: unknown[] = [];
  for (const [key, value] of Object.entries(record)) {
    const column = columns.get(key) ?? columns.size;
    columns.set(key, column);
    cells[column] = value;
  }
  return cells;
}

function describe(value: unknown): string {
  return Array.isArray(value)
    ? 'a list'
    : `${value === null ? '' : `a ${typeof value}: `}${cellText(value).slice(0, 40) || 'null'}`;
}
