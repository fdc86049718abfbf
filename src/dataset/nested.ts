/** Values inside objects as columns of their own: `userInput.text` beside `userInput`. */

import { ColumnCounts, type ColumnStats } from './columns';
import type { ParsedFile } from './parse';
import { MAX_COLUMNS, SAMPLE_ROWS, type Row, type RowList } from './table';

/** A value inside the object of a column. */
export interface NestedColumn {
  /** `userInput.text` */
  readonly name: string;
  /** The column of the outermost object, by position. */
  readonly column: number;
  /** Keys from there on. */
  readonly keys: readonly string[];
}

/** Objects inside objects are opened this far. */
const MAX_DEPTH = 4;

/** The most columns that one column is opened to, and the most in all. */
const MAX_OF_COLUMN = 20;
const MAX_NESTED = 60;

/** The file with a column for each value inside the objects of its columns, after its own columns. */
export async function withNestedColumns(file: ParsedFile): Promise<ParsedFile> {
  const { columns, sample, rows, stats } = file;
  const nested = nestedColumns(columns, sample.slice(0, SAMPLE_ROWS));
  if (nested.length === 0) return file;
  const opened = (chunk: readonly Row[]) => chunk.map((row) => withNestedCells(row, columns.length, nested));
  return {
    ...file,
    columns: [...columns, ...nested.map(({ name }) => name)],
    sample: opened(sample),
    stats: [...stats, ...(await nestedStats(rows, nested))],
    rows: {
      ...rows,
      async *read(from) {
        for await (const chunk of rows.read(from)) yield opened(chunk);
      },
    },
  };
}

async function nestedStats(rows: RowList, nested: readonly NestedColumn[]): Promise<ColumnStats[]> {
  const counts = new ColumnCounts();
  for await (const chunk of rows.read()) for (const row of chunk) counts.add(withNestedCells(row, 0, nested));
  return counts.stats(nested.map(({ name }) => name));
}

/** What the objects in `rows` hold: values, by their names in order of first appearance. Names that are columns already are left out. */
export function nestedColumns(columns: readonly string[], rows: readonly Row[]): NestedColumn[] {
  const room = Math.min(MAX_NESTED, MAX_COLUMNS - columns.length);
  const found = columns.flatMap((name, column) => {
    const cells = rows.map((row) => row.cells[column]).filter((cell) => cell !== null && cell !== undefined);
    return cells.length > 0 && cells.every(isOpen) ? leavesOf(name, column, cells) : [];
  });
  return found.filter(({ name }) => !columns.includes(name)).slice(0, Math.max(0, room));
}

/** The row with the cells of nested columns, after its own `width` cells. */
export function withNestedCells(row: Row, width: number, nested: readonly NestedColumn[]): Row {
  const own = Array.from({ length: width }, (_, i) => row.cells[i]);
  return { ...row, cells: [...own, ...nested.map(({ column, keys }) => valueAt(row.cells[column], keys))] };
}

function leavesOf(root: string, column: number, cells: readonly unknown[]): NestedColumn[] {
  const paths = new Map<string, readonly string[]>();
  const visit = (value: unknown, keys: readonly string[]): void => {
    if (keys.length < MAX_DEPTH && isOpen(value))
      Object.entries(value).forEach(([key, inner]) => {
        visit(inner, [...keys, key]);
      });
    else if (keys.length > 0 && value !== null) paths.set([root, ...keys].join('.'), keys);
  };
  cells.forEach((cell) => {
    visit(cell, []);
  });
  return [...paths].slice(0, MAX_OF_COLUMN).map(([name, keys]) => ({ name, column, keys }));
}

function valueAt(cell: unknown, keys: readonly string[]): unknown {
  return keys.reduce<unknown>((value, key) => (isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined), cell);
}

/** True for an object other than a message, a wrapped conversation, or a list of answers, which have roles as a whole. */
function isOpen(value: unknown): value is Readonly<Record<string, unknown>> {
  if (!isRecord(value)) return false;
  const has = (key: string) => Object.hasOwn(value, key);
  const message = (has('role') && (has('content') || has('tool_calls'))) || (has('from') && has('value'));
  return !message && !has('messages') && !(has('text') && Array.isArray(value.text));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
