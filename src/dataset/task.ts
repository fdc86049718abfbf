/** Guesses from the values of the first rows what a model should learn from a dataset. */

import { isNumber, isSwitch, MAX_LABELS, splitLabels } from './labelled';
import { listOf } from './messages';
import { isBookkeeping, isTargetName } from './names';
import { cellText, isFilled, isWordy, type Table } from './table';
import type { ColumnRole, DataTask, Mapping, TaskGuess } from './types';

/** Labels are at most this long, and each occurs twice or more on average. */
const LABEL_LENGTH = 60;
const REPEATS = 2;

/** Whole numbers with at most this many different values are categories, unless their name says otherwise (stars, score). */
const FEW = 20;

/** The task that a dataset with this mapping looks like. */
export function guessTask(table: Table, mapping: Mapping): TaskGuess {
  return (
    byFormat(table, mapping) ?? byTarget(table, mapping) ?? byFlags(table, mapping) ?? byName(table, mapping) ?? text(mapping)
  );
}

/** A guess without labels and without another task. */
const ALONE = { labels: null, also: [] } as const satisfies Pick<TaskGuess, 'labels' | 'also'>;

function text(mapping: Mapping): TaskGuess {
  const turns = mapping.roles.includes('assistant');
  const reason = turns ? 'The answers are texts that hardly repeat.' : 'The rows are texts without a label.';
  return { task: 'text', mapping, reason, ...ALONE };
}

/** Preferences and conversations: the format is enough. */
function byFormat(table: Table, mapping: Mapping): TaskGuess | null {
  const name = (role: ColumnRole) => `"${table.columns[mapping.roles.indexOf(role)] ?? ''}"`;
  if (mapping.format === 'messages' || mapping.format === 'sharegpt') {
    return { task: 'text', mapping, reason: `${name('messages')} has conversations with answers to learn.`, ...ALONE };
  }
  if (mapping.format !== 'preference') return null;
  if (mapping.roles.includes('rejected')) {
    return {
      task: 'preference',
      mapping,
      reason: `${name('assistant')} and ${name('rejected')} are two answers, the first of which is preferred.`,
      ...ALONE,
    };
  }
  return { task: 'ratings', mapping, reason: `${name('label')} tells good answers (true) from bad ones (false).`, ...ALONE };
}

/** The mapped label or answer decides, when its values are labels or numbers. */
function byTarget(table: Table, mapping: Mapping): TaskGuess | null {
  const target = mapping.roles.findIndex((role) => role === 'label' || role === 'assistant');
  if (target < 0) return null;
  const found = targetOf(valuesOf(table, target), table.columns[target] ?? '');
  return found === null ? null : { ...found, mapping: labelMapping(table, mapping, [target]) };
}

/** Two columns or more of 0 and 1 beside a text: a column for each label. */
function byFlags(table: Table, mapping: Mapping): TaskGuess | null {
  const free = unmapped(table, mapping).filter((column) => {
    const values = valuesOf(table, column);
    return values.length > 0 && values.every(isSwitch);
  });
  if (mapping.format !== 'text' || free.length < 2) return null;
  const names = shown(free.map((column) => table.columns[column] ?? ''));
  const reason = `${names} have only the values 0 and 1.`;
  return { task: 'labels', mapping: labelMapping(table, mapping, free), reason, labels: free.length, also: [] };
}

/** A column beside a text with the name of a target, such as `score`. */
function byName(table: Table, mapping: Mapping): TaskGuess | null {
  if (mapping.format !== 'text') return null;
  const target = table.columns.findIndex((name, column) => mapping.roles[column] === 'ignore' && isTargetName(name));
  if (target < 0) return null;
  const found = targetOf(valuesOf(table, target), table.columns[target] ?? '');
  return found === null ? null : { ...found, mapping: labelMapping(table, mapping, [target]) };
}

function unmapped({ columns }: Table, { roles }: Mapping): number[] {
  return [...columns.keys()].filter((column) => roles[column] === 'ignore' && !isBookkeeping(columns[column] ?? ''));
}

const valuesOf = ({ sample }: Table, column: number): unknown[] =>
  sample.flatMap(({ cells }) => (isFilled(cells[column]) ? [cells[column]] : []));

type Found = Omit<TaskGuess, 'mapping'>;

/** What the values of a target column are; null for texts. */
function targetOf(values: readonly unknown[], name: string): Found | null {
  if (values.length === 0) return null;
  return numberOf(values, name) ?? listedOf(values, name) ?? categoriesOf(values, name);
}

function numberOf(values: readonly unknown[], name: string): Found | null {
  if (!values.every(isNumber)) return null;
  const numbers = values.map((value) => Number(cellText(value)));
  const distinct = new Set(numbers).size;
  const few = numbers.every(Number.isInteger) && distinct <= FEW;
  if (distinct < 3 || (few && !isTargetName(name))) return null;
  const [least, most] = [numbers.reduce((a, b) => Math.min(a, b)), numbers.reduce((a, b) => Math.max(a, b))];
  const also: readonly DataTask[] = few && categoriesOf(values, name) !== null ? ['categories'] : [];
  return { task: 'number', reason: `"${name}" has only numbers, from ${least} to ${most}.`, labels: null, also };
}

/** Lists of labels, or text with separators between labels, in a tenth of the rows at least. */
function listedOf(values: readonly unknown[], name: string): Found | null {
  const labels = values.map((value) =>
    (listOf(value)?.map(cellText) ?? splitLabels(cellText(value))).map((label) => label.trim()),
  );
  const several = labels.filter((one) => one.length > 1).length;
  const repeated = repeatedLabels(labels.flat());
  if (repeated === null || several * 10 < values.length) return null;
  const reason = `"${name}" has several labels in one row, of ${repeated.length} different ones.`;
  return { task: 'labels', reason, labels: repeated.length, also: [] };
}

function categoriesOf(values: readonly unknown[], name: string): Found | null {
  const repeated = repeatedLabels(values.map((value) => cellText(value).trim()));
  if (repeated === null) return null;
  const reason = `"${name}" has ${repeated.length} different values that repeat: ${shown(repeated)}.`;
  const also: readonly DataTask[] = repeated.length > 2 && values.every(isNumber) ? ['number'] : [];
  return { task: 'categories', reason, labels: repeated.length, also };
}

/** The different labels; null when they are too long, too many, or hardly repeat. */
export function repeatedLabels(labels: readonly string[]): string[] | null {
  const distinct = [...new Set(labels)].sort();
  const repeat = distinct.length >= 2 && distinct.length * REPEATS <= labels.length && distinct.length <= MAX_LABELS;
  return repeat && distinct.every((label) => label.length <= LABEL_LENGTH) ? distinct : null;
}

function shown(names: readonly string[]): string {
  const first = names.slice(0, 4).map((name) => `"${name}"`);
  return names.length > 4 ? `${first.join(', ')} and ${names.length - 4} more` : first.join(', ');
}

/** The roles for labelled examples: the text, a second text that belongs to it by its name, and the labels. */
function labelMapping(table: Table, { roles, template }: Mapping, labels: readonly number[]): Mapping {
  const source = roles.findIndex((role) => role === 'text' || role === 'user');
  const partner = table.columns.findIndex(
    (name, column) => !labels.includes(column) && arePair(table.columns[source] ?? '', name),
  );
  const paired = partner >= 0 && valuesOf(table, partner).some(isWordy);
  const [first, second] = paired && partner < source ? [partner, source] : [source, paired ? partner : roles.indexOf('context')];
  const roleOf = (role: ColumnRole, column: number): ColumnRole => {
    if (labels.includes(column)) return 'label';
    // Further columns of the text's role are joined with it, where no partner takes their place.
    if (column === first || (!paired && role === roles[source])) return 'text';
    return column === second ? 'context' : 'ignore';
  };
  return { format: 'text-label', roles: roles.map(roleOf), ...(template !== undefined && { template }) };
}

/** Names of columns that are read together (GLUE and similar), in this order. */
const PAIRS = [
  ['premise', 'hypothesis'],
  ['question', 'sentence'],
  ['question', 'passage'],
  ['query', 'passage'],
  ['query', 'document'],
];

/** True for `sentence1` and `sentence2`, `text_a` and `text_b`, `premise` and `hypothesis`, in either order. */
function arePair(a: string, b: string): boolean {
  const [x, y] = [a.toLowerCase(), b.toLowerCase()].sort();
  if (x === undefined || y === undefined || x === y) return false;
  if (PAIRS.some((pair) => pair.includes(x) && pair.includes(y))) return true;
  const [stemX, stemY] = [x, y].map((name) => name.replace(/[ _-]?[12ab]$/, ''));
  return stemX === stemY && /[1a]$/.test(x) && /[2b]$/.test(y);
}
