/** What the heuristics know about a column, from the first rows. */

import { listOf, messageStyle } from './messages';
import { isBookkeeping, isPictures, isRejected, keywordRank } from './names';
import { cellText, isFilled, isWordy, readFlag, readTruth, SAMPLE_ROWS, type Table } from './table';
import type { ColumnRole } from './types';

export interface Traits {
  readonly column: number;
  readonly name: string;
  /** Mostly lists of messages, and in which form. */
  readonly lists: 'openai' | 'sharegpt' | null;
  /** These lists begin with the user's turn or a system prompt and end with an answer. */
  readonly whole: boolean;
  /** Mostly lists or objects of any kind. */
  readonly nested: boolean;
  /** Mostly lists of objects with an output (Self-Instruct: `instances`). */
  readonly instances: boolean;
  /** Mostly lists of answers that are all right, such as `{"text": […]}` (SQuAD). */
  readonly alternatives: boolean;
  readonly wordy: boolean;
  /** A few short values that repeat. */
  readonly labels: boolean;
  /** Mostly truth values. */
  readonly truths: boolean;
  /** Truth values, or 0 and 1, in every row. */
  readonly flags: boolean;
  readonly meanLength: number;
}

/** The traits of every column. */
export function traitsOfColumns({ columns, sample }: Table): Traits[] {
  const first = sample.slice(0, SAMPLE_ROWS);
  return columns.map((name, column) => traitsOf(name, column, first.map(({ cells }) => cells[column]).filter(isFilled)));
}

function traitsOf(name: string, column: number, filled: readonly unknown[]): Traits {
  const texts = filled.map((cell) => cellText(cell).trim());
  const styles = filled.map(messageStyle).filter((style) => style !== null);
  const most = (test: (cell: unknown) => boolean) => filled.filter(test).length * 2 > filled.length;
  return {
    column,
    name,
    lists: styles.length * 2 >= filled.length ? (styles[0] ?? null) : null,
    whole: most(isWholeChat),
    nested: filled.length > 0 && filled.filter((cell) => listOf(cell) !== null).length * 2 >= filled.length,
    instances: most(isInstanceList),
    alternatives: keywordRank(name, 'assistant') >= 0 && most(isAlternatives),
    wordy: most(isWordy),
    labels: areLabels(texts),
    truths: most((cell) => readTruth(cell) !== null),
    flags: filled.length > 0 && filled.every((cell) => readFlag(cell) !== null),
    meanLength: texts.reduce((sum, text) => sum + text.length, 0) / Math.max(1, texts.length),
  };
}

function areLabels(texts: readonly string[]): boolean {
  const distinct = new Set(texts).size;
  return distinct >= 1 && distinct <= 20 && distinct * 2 <= texts.length && texts.every((text) => text.length <= 40);
}

const isWholeChat = (cell: unknown) => {
  const list = listOf(cell) ?? [];
  const [first, last] = [list[0], list.at(-1)].map(speakerOf);
  return list.length > 1 && /^(system|user|human|developer)$/i.test(first ?? '') && /^(assistant|gpt|model)$/i.test(last ?? '');
};

function speakerOf(message: unknown): string {
  const { role, from } = isRecord(message) ? message : {};
  return typeof role === 'string' ? role : typeof from === 'string' ? from : '';
}

const isInstanceList = (cell: unknown) =>
  Array.isArray(cell) && cell.length > 0 && cell.every((one) => isRecord(one) && 'output' in one);

const isAlternatives = (cell: unknown) => isTexts(cell) || (isRecord(cell) && Object.hasOwn(cell, 'text') && isTexts(cell.text));

const isTexts = (value: unknown) => Array.isArray(value) && value.every((one) => typeof one === 'string');

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Neither bookkeeping, nor pictures, nor a rejected answer, by its name. */
export const isUsable = ({ name }: Traits): boolean => !isBookkeeping(name) && !isPictures(name) && !isRejected(name);

/** The column whose name suits a role best. */
export function best(traits: readonly Traits[], role: ColumnRole): Traits | undefined {
  const ranked = traits.map((one) => ({ one, rank: keywordRank(one.name, role) })).filter(({ rank }) => rank >= 0);
  return ranked.sort((a, b) => a.rank - b.rank)[0]?.one;
}

/** The column with the longest values. */
export function longest(traits: readonly Traits[]): Traits | undefined {
  return [...traits].sort((a, b) => b.meanLength - a.meanLength)[0];
}
