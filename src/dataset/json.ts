/** Reads JSON: one value a line, a list, or values one after the other. Each row is parsed separately: a broken one affects no other. */

import { messageOf } from '../core/errors';
import { depthOf, scanValues, type JsonSlice } from './json-scan';
import { afterLines, type ReadPart, type RowReader } from './reader';
import { cellText, type Row } from './table';
import type { RowProblem } from './types';

/** Deeper lists and objects are refused: they are no training data, and some would overflow the stack. */
const DEEPEST = 100;

/** A reader of JSON lines; blank lines are skipped. */
export function lineReader(): RowReader {
  return new JsonReader(
    (part, line, last) => {
      const lines = part.split('\n');
      const whole = last ? lines.length : lines.length - 1;
      const slices = lines.slice(0, whole).flatMap((text, i) => sliceOf(text, line + i));
      return { slices, rest: last ? 0 : part.length - afterLines(part, whole) };
    },
    [],
    0,
  );
}

/** A line without a comma at its end; none for one that is blank or has only the bracket of a list around all lines. */
function sliceOf(text: string, line: number): JsonSlice[] {
  const trimmed = text.trim().replace(/,$/, '');
  return trimmed === '' || trimmed === '[' || trimmed === ']' ? [] : [{ line, text: trimmed }];
}

/**
 * A reader of a list, or of values one after the other that may have several lines each. `start` is the beginning of the file, `end` its
 * last characters.
 */
export function valueReader(start: string, end: string): RowReader {
  const isList = start.trimStart().startsWith('[');
  const isCut = isList && !end.trimEnd().endsWith(']');
  return new JsonReader(
    (part, line, last) => {
      const { slices, end: whole } = scanValues(part, line, last);
      return { slices, rest: part.length - whole };
    },
    isCut ? ['The list never closes: the file may have been cut off.'] : [],
    isList ? start.indexOf('[') + 1 : 0,
  );
}

type Slicer = (part: string, line: number, last: boolean) => { readonly slices: readonly JsonSlice[]; readonly rest: number };

class JsonReader implements RowReader {
  readonly #slice: Slicer;
  readonly #notes: readonly string[];
  readonly skip: number;
  /** All keys in order of first appearance, with their column. */
  readonly #columns = new Map<string, number>();
  readonly headerless = false;

  constructor(slice: Slicer, notes: readonly string[], skip: number) {
    this.#slice = slice;
    this.#notes = notes;
    this.skip = skip;
  }

  get columns(): readonly string[] {
    return [...this.#columns.keys()];
  }

  read(part: string, line: number, last: boolean): ReadPart {
    const { slices, rest } = this.#slice(part, line, last);
    return { ...readSlices(slices, this.#columns), rest };
  }

  notes(): readonly string[] {
    return this.#notes;
  }
}

/** The rows of values. New keys become new columns. */
export function readSlices(slices: readonly JsonSlice[], columns: Map<string, number>): Pick<ReadPart, 'rows' | 'problems'> {
  const rows: Row[] = [];
  const problems: RowProblem[] = [];
  for (const { line, text } of slices) {
    const record = recordOf(text);
    if (typeof record === 'string') problems.push({ line, message: record });
    else rows.push({ line, cells: cellsOf(record, columns) });
  }
  return { rows, problems };
}

/** The object of a row, or what is wrong with it. Plain strings become an object with the key `text`. */
function recordOf(text: string): Record<string, unknown> | string {
  if (isDeep(text)) return `This row is nested more than ${DEEPEST} levels deep, which no training data needs.`;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return jsonProblem(text, error);
  }
  if (typeof value === 'string') return { text: value };
  if (isRecord(value)) return value;
  return `This row is ${describe(value)}; expected an object such as {"prompt": "…", "completion": "…"}.`;
}

/** Counted only for texts that have enough brackets. */
function isDeep(text: string): boolean {
  return text.length > 2 * DEEPEST && depthOf(text, DEEPEST) > DEEPEST;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Mistakes that programs make when they write JSON, and how to fix them. */
const HINTS: readonly (readonly [pattern: RegExp, hint: string])[] = [
  [/[:[,]\s*-?(NaN|Infinity)\b/, 'Python wrote NaN or Infinity, which JSON does not have: write null, or leave the key out.'],
  [/[:[,]\s*(None|True|False)\b/, 'This is a Python literal: write it with json.dumps, which gives null, true and false.'],
  [/^\s*[[{]\s*'/, 'This is a Python literal with single quotes: write it with json.dumps, which gives double quotes.'],
  [/,\s*[}\]]/, 'There is a comma before a closing bracket: remove it.'],
  [/^[^"]*("[^"]*"[^"]*)*"[^"]*$/, 'A string or an object is not closed: add the missing quote or bracket.'],
];

export function jsonProblem(text: string, error: unknown): string {
  const hint = HINTS.find(([pattern]) => pattern.test(text.slice(0, 10000)))?.[1];
  if (hint !== undefined) return `Not valid JSON. ${hint}`;
  const detail = messageOf(error)
    .replace(/ in JSON at position.*$/s, '')
    .replace(/, ?"[^]*$/, '');
  return `Not valid JSON (${detail.slice(0, 120)}). Each example must be one whole object.`;
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
