/** Labelled examples: texts, or pairs of texts, with classes, labels or numbers. */

import { CodedError } from '../core/errors';
import { buildRows, type Built, type Cells } from './cells';
import { listOf } from './messages';
import { cellText, isFilled, type Table } from './table';
import type { LabelledExample, Mapping } from './types';

/** One class for each row; any number of labels; or one number for each column of labels. */
export type LabelShape = 'one' | 'several' | 'numbers';

/**
 * The labelled examples of a table. The text is the column of role `text` (else `user`), the second one of a pair is `context`, and the
 * labels are of role `label` (else `assistant`).
 */
export function labelledExamples(table: Table, mapping: Mapping, shape: LabelShape): Built<LabelledExample> {
  return buildRows(table, mapping, (cells) => fromRow(cells, shape));
}

/** The examples of a table whose labels are not read: each has `labels`. */
export function unlabelledExamples(table: Table, mapping: Mapping, labels: readonly string[]): Built<LabelledExample> {
  return buildRows(table, mapping, (cells) => {
    const texts = textsOf(cells);
    return typeof texts === 'string' ? texts : { kind: 'labelled', line: cells.line, ...texts, labels };
  });
}

function fromRow(cells: Cells, shape: LabelShape): LabelledExample | string {
  const texts = textsOf(cells);
  if (typeof texts === 'string') return texts;
  const labels = LABELS[shape](cells, cells.names('label') === '' ? 'assistant' : 'label');
  return typeof labels === 'string' ? labels : { kind: 'labelled', line: cells.line, ...texts, labels };
}

function textsOf(cells: Cells): Pick<LabelledExample, 'text' | 'second'> | string {
  const source = cells.names('text') === '' ? 'user' : 'text';
  const text = cells.text(source);
  if (text === '') return `${cells.names(source)} is empty.`;
  return { text, second: cells.names('context') === '' ? null : cells.text('context') };
}

type LabelRole = 'label' | 'assistant';

const LABELS: { readonly [S in LabelShape]: (cells: Cells, role: LabelRole) => string[] | string } = {
  one: (cells, role) => {
    const label = cells.text(role).trim();
    return label === '' ? `${cells.names(role)} is empty.` : [label];
  },
  several: (cells, role) => severalLabels(cells.each(role)),
  numbers: (cells, role) => {
    const wrong = cells.each(role).filter(({ cell }) => !isNumber(cell));
    if (wrong.length === 0) return cells.each(role).map(({ cell }) => cellText(cell).trim());
    return wrong.map(({ cell, name }) => `"${name}" is ${JSON.stringify(cellText(cell))}, expected a number.`).join(' ');
  },
};

/** True for a number, or for text of one with a decimal point. */
export function isNumber(cell: unknown): boolean {
  return isFilled(cell) && Number.isFinite(Number(cellText(cell)));
}

const YES = /^(1|1\.0|true|yes)$/i;
const NO = /^(0|0\.0|false|no|)$/i;

/** True for a cell that says whether a row has a label. */
export function isSwitch(cell: unknown): boolean {
  const text = cellText(cell).trim();
  return YES.test(text) || NO.test(text);
}

/** The labels of a row: the columns that are set, or those that one cell lists; a string says what is wrong with the cells. */
export function severalLabels(columns: readonly { readonly cell: unknown; readonly name: string }[]): string[] | string {
  return columns.length > 1 ? flagged(columns) : listed(columns[0]?.cell);
}

/** The names of the columns that are set, of a table with a column of 0 or 1 for each label. */
function flagged(columns: readonly { readonly cell: unknown; readonly name: string }[]): string[] | string {
  const texts = columns.map(({ cell, name }) => ({ name, text: cellText(cell).trim() }));
  const wrong = texts.filter(({ text }) => !YES.test(text) && !NO.test(text));
  if (wrong.length === 0) return texts.filter(({ text }) => YES.test(text)).map(({ name }) => name);
  return wrong.map(({ name, text }) => `"${name}" is ${JSON.stringify(text)}, expected 0 or 1.`).join(' ');
}

/** The labels of one cell: a list, or text with the labels between semicolons, bars or commas (the first of these that occurs). */
function listed(cell: unknown): string[] {
  const list = listOf(cell)?.map(cellText) ?? splitLabels(cellText(cell));
  return [...new Set(list.map((label) => label.trim()).filter((label) => label !== ''))];
}

/** Text between semicolons, bars or commas. */
export function splitLabels(text: string): string[] {
  const separator = labelSeparator(text);
  return separator === undefined ? [text] : text.split(separator);
}

/** What separates the labels of a text: the first of semicolon, bar and comma that it has; undefined for one label. */
export function labelSeparator(text: string): string | undefined {
  return [';', '|', ','].find((mark) => text.includes(mark));
}

/** The most classes or labels. The head and its logits grow with them; columns with more values are mostly not labels. */
export const MAX_LABELS = 1000;

/** Different labels are counted up to this number. */
const MOST_COUNTED = 100_000;

/** The labels of examples that are read one after the other. */
export class LabelCount {
  readonly #names = new Set<string>();
  examples = 0;
  /** Labels of the first example. */
  width = 0;

  add({ labels }: LabelledExample): void {
    if (this.examples++ === 0) this.width = labels.length;
    if (this.#names.size < MOST_COUNTED) for (const label of labels) this.#names.add(label);
  }

  /** See `labelNames`. */
  sorted(): string[] {
    return labelNames([...this.#names], this.examples);
  }
}

/**
 * The class or label names of `examples` examples, sorted: by value if all are whole numbers, else by their characters (UTF-16 units, as
 * Python sorts all but rare characters). Unlike an order of first appearance it does not depend on the order of rows, so another file with
 * the same labels gives the same indices. Throws data/columns for fewer than two names or more than `MAX_LABELS`.
 */
function labelNames(names: string[], examples: number): string[] {
  if (names.length > MAX_LABELS) throw tooMany(names, examples);
  if (names.length < 2) throw tooFew(names);
  const whole = names.every((name) => /^-?\d{1,15}$/.test(name));
  return whole ? names.sort((a, b) => Number(a) - Number(b) || (a < b ? -1 : 1)) : names.sort();
}

function tooMany(names: readonly string[], rows: number): CodedError {
  const found = `The label column has ${names.length.toLocaleString('en')} different values in ${rows.toLocaleString('en')} rows`;
  const next = 'Choose a column that repeats a few values, or predict a number.';
  return new CodedError('data/columns', `${found}, and at most ${MAX_LABELS.toLocaleString('en')} are possible. ${next}`);
}

function tooFew([only]: readonly string[]): CodedError {
  const found = only === undefined ? 'No row has a label' : `Every label is ${JSON.stringify(only)}`;
  return new CodedError('data/columns', `${found}, so there is nothing to tell apart. Choose a column with two labels or more.`);
}
