/** The table of splits, and how the examples of a dataset are split by the settings of a recipe. */

import { internal } from '../../core/errors';
import type { SplitKindName, SplitSettings, SplitSettingsOf } from '../../recipe/splits';
import { originOf } from '../row-origin';
import type { Table } from '../table';
import { column } from './column';
import { group } from './group';
import { random } from './random';
import { PART, type Parts, type Shares, type SplitKind, type SplitRows, type SplitShape } from './split';
import { stratified } from './stratified';
import { time } from './time';

export const SPLITS = { random, stratified, group, time, column } satisfies {
  readonly [K in SplitKindName]: SplitKind<SplitSettingsOf<K>>;
};

/** The row of a kind: its settings are those of the kind. */
function splitOf(kind: SplitKindName): SplitKind<SplitSettings> {
  return SPLITS[kind] as SplitKind<SplitSettings>;
}

/** What a split reads of rows, by their origin. */
export type RowTexts = ReadonlyMap<number, string>;

/** Whether a split reads anything of the rows. */
export function readsRows({ kind }: SplitSettings): boolean {
  return splitOf(kind).reads !== null;
}

/**
 * Reads what a split needs of the rows after the data steps, until it has all that are `wanted`; null: of all rows. Of rows that are made of
 * one, the first counts. Throws data/columns.
 */
export async function readRowTexts(
  { rows }: Pick<Table, 'rows'>,
  shape: SplitShape,
  settings: SplitSettings,
  wanted: ReadonlySet<number> | null,
): Promise<RowTexts> {
  const texts = new Map<number, string>();
  const read = splitOf(settings.kind).reads?.(shape, settings);
  if (read === undefined) return texts;
  for await (const chunk of rows.read()) {
    for (const row of chunk) {
      const origin = originOf(row);
      if (texts.has(origin) || wanted?.has(origin) === false) continue;
      texts.set(origin, read(row));
      if (texts.size === wanted?.size) return texts;
    }
  }
  return texts;
}

/** Where examples come from, in their order. */
export interface Origins {
  readonly origins: ArrayLike<number>;
  readonly lines: ArrayLike<number>;
  readonly files?: SplitRows['files'] | undefined;
}

/** The part of each example. */
export function splitExamples(
  { origins, lines, files }: Origins,
  texts: RowTexts,
  settings: SplitSettings,
  shares: Shares,
): Parts {
  const numbers = new Map<number, number>();
  const rows = { lines: [] as number[], texts: [] as string[] };
  const rowOf = Uint32Array.from(origins, (origin, index) => {
    const known = numbers.get(origin);
    if (known !== undefined) return known;
    numbers.set(origin, numbers.size);
    rows.lines.push(lines[index] ?? 0);
    rows.texts.push(textOf(texts, origin, settings));
    return numbers.size - 1;
  });
  const parts = splitOf(settings.kind).assign({ ...rows, files, count: numbers.size }, settings, shares);
  return Uint8Array.from(rowOf, (row) => parts[row] ?? PART.train);
}

function textOf(texts: RowTexts, origin: number, settings: SplitSettings): string {
  if (!readsRows(settings)) return '';
  const text = texts.get(origin);
  if (text === undefined) throw internal(`row ${origin} was not read for the split`);
  return text;
}

/** Indices of the examples of a part, ascending. */
export function indicesOf(parts: Parts, part: number): Uint32Array {
  return Uint32Array.from([...parts.keys()].filter((index) => parts[index] === part));
}
