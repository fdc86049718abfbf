/** The cells of a row by the role of their column: what builders of examples read. */

import { ProblemList, type Problems } from './problems';
import { cellText, isFilled, type Row, type Table } from './table';
import { inputTemplate, renderInput, type InputTemplate } from './input-template';
import type { ColumnRole, Example, Mapping, Message, RowNote, RowProblem } from './types';

/** An example, several of one row, or the reason why the row gives none. */
export type ExampleOr = Example | readonly Example[] | string;

/** Access to a row's cells by role. */
export interface Cells {
  readonly line: number;
  /** The filled cells of a role as text, joined by line breaks; empty when there are none. */
  text(role: ColumnRole): string;
  /** The first filled cell of a role as it is in the file, and its column's name. */
  raw(role: ColumnRole): { readonly cell: unknown; readonly name: string } | null;
  /** Every cell of a role as it is in the file, empty ones included, with its column's name. */
  each(role: ColumnRole): { readonly cell: unknown; readonly name: string }[];
  /** Quoted names of the columns of a role, for messages; empty when no column has the role. */
  names(role: ColumnRole): string;
  /** Records what is left out of the row, or taken otherwise than the file says. */
  readonly note: (note: RowNote) => void;
  /** What was recorded, each once. */
  notes(): readonly RowNote[];
}

type ColumnsByRole = ReadonlyMap<ColumnRole, readonly number[]>;

function columnsByRole(roles: readonly ColumnRole[]): ColumnsByRole {
  const columns = new Map<ColumnRole, number[]>();
  roles.forEach((role, column) => columns.set(role, [...(columns.get(role) ?? []), column]));
  return columns;
}

function cellsOf(row: Row, columns: ColumnsByRole, names: readonly string[]): Cells {
  const noted = new Set<RowNote>();
  const filled = (role: ColumnRole) => (columns.get(role) ?? []).filter((column) => isFilled(row.cells[column]));
  return {
    line: row.line,
    text: (role) =>
      filled(role)
        .map((column) => cellText(row.cells[column]))
        .join('\n'),
    raw: (role) => {
      const [column] = filled(role);
      return column === undefined ? null : { cell: row.cells[column], name: names[column] ?? '' };
    },
    each: (role) => (columns.get(role) ?? []).map((column) => ({ cell: row.cells[column], name: names[column] ?? '' })),
    names: (role) => (columns.get(role) ?? []).map((column) => `"${names[column] ?? ''}"`).join(', '),
    note: (note) => void noted.add(note),
    notes: () => [...noted],
  };
}

/** What is made of the rows of a table: examples, or the reasons why a row gives none, in row order. */
export interface Built<T> {
  /** Makes them, from the first row on. */
  read(): AsyncIterable<readonly (T | RowProblem)[]>;
}

/** What `build` makes of every row: one or several examples; a string is the reason why the row can't be used. */
export function buildRows<T extends object>(
  { rows, columns: names }: Table,
  mapping: Mapping,
  build: (cells: Cells) => T | readonly T[] | string,
): Built<T> {
  const columns = columnsByRole(mapping.roles);
  const template = inputTemplate(mapping, names);
  const make = (row: Row): readonly (T | RowProblem)[] => {
    const cells = cellsOf(row, columns, names);
    const built = build(template === null ? cells : withInput(cells, row, template));
    if (typeof built === 'string') return [{ line: row.line, message: built }];
    const examples = Array.isArray(built) ? (built as readonly T[]) : [built as T];
    const { origin } = row;
    return origin === undefined ? examples : examples.map((example) => ({ ...example, origin }));
  };
  return {
    async *read() {
      for await (const chunk of rows.read()) yield chunk.flatMap(make);
    },
  };
}

/** True for the reason why a row gives no example. */
export function isProblem(built: object): built is RowProblem {
  return 'message' in built;
}

/** Calls `take` with each example, in row order. Returns the rows that give none. */
export async function eachExample<T extends object>(built: Built<T>, take: (example: T) => void): Promise<Problems> {
  const problems = new ProblemList();
  for await (const chunk of built.read()) {
    for (const one of chunk) {
      if (isProblem(one)) problems.add(one);
      else take(one);
    }
  }
  return problems;
}

/** The cells of a row whose question, or text, is made of columns: it takes the place of the cells of its role. */
function withInput(cells: Cells, row: Row, template: InputTemplate): Cells {
  const text = renderInput(template, row.cells);
  const own = (role: ColumnRole) => role === template.role;
  const column = { cell: text, name: 'template' };
  return {
    ...cells,
    text: (role) => (own(role) ? text : role === 'context' ? '' : cells.text(role)),
    raw: (role) => (own(role) ? (text === '' ? null : column) : cells.raw(role)),
    each: (role) => (own(role) ? [column] : cells.each(role)),
    names: (role) => (own(role) ? template.names : role === 'context' ? '' : cells.names(role)),
  };
}

/** Puts the system column first, unless the messages begin with a system turn. */
export function withSystem(cells: Cells, messages: readonly Message[]): readonly Message[] {
  const system = cells.text('system');
  if (system === '' || messages[0]?.role === 'system') return messages;
  return [{ role: 'system', content: system }, ...messages];
}
