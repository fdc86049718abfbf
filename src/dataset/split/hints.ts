/** Which ways to split a dataset has the columns for: guesses from the first rows. */

import { isBookkeeping } from '../names';
import { labelColumns } from '../steps/labels';
import type { Shape } from '../steps/step';
import type { ColumnStats } from '../columns';
import { cellText } from '../table';
import type { SplitHints } from '../types';
import { partNamed } from './column';
import { readTimes } from './times';

/** Columns with more different values have too few rows of each to be balanced. */
const MOST_STRATA = 50;

/** A column that names parts has few words for them. */
const MOST_PARTS = 10;

/** Longer cells are texts, by which nobody groups rows. */
const LONGEST_KEY = 100;

/** Rows of a group, on average. */
const REPEATS = 1.2;

export function splitHints(shape: Shape, stats: readonly ColumnStats[]): SplitHints {
  const labels = labelColumns(shape);
  const columns = shape.columns.map((name, index) => facts(name, index, shape, stats[index]));
  const others = columns.filter(({ index }) => !labels.includes(index));
  const parts = others.find((one) => namesParts(one))?.name ?? null;
  const free = others.filter(({ name }) => name !== parts);
  const names = (wanted: (column: Facts) => boolean): string[] => free.filter(wanted).map(({ name }) => name);
  return {
    labels: labels.length > 0,
    parts,
    times: names(hasTimes),
    groups: names((column) => repeats(column) && !hasTimes(column)),
    strata: names((column) => repeats(column) && column.distinct <= MOST_STRATA && !hasTimes(column)),
  };
}

interface Facts {
  readonly name: string;
  readonly index: number;
  /** Different values in the file, up to some number. */
  readonly distinct: number;
  readonly meanLength: number;
  /** The filled cells of the first rows, and how many are not. */
  readonly cells: readonly string[];
  readonly empty: number;
}

function facts(name: string, index: number, { sample }: Shape, stats: ColumnStats | undefined): Facts {
  const cells = sample.map((row) => cellText(row.cells[index]).trim()).filter((text) => text !== '');
  return {
    ...{ name, index, cells, empty: sample.length - cells.length },
    distinct: stats?.distinct ?? 0,
    meanLength: stats?.meanLength ?? 0,
  };
}

/** Some files begin with all rows of one part. */
function namesParts({ cells, empty, distinct }: Facts): boolean {
  const values = [...new Set(cells)];
  return (
    empty === 0 && values.length > 0 && distinct > 1 && distinct <= MOST_PARTS && values.every((one) => partNamed(one) !== null)
  );
}

const TIME_NAME = /(date|time|timestamp|year|month|day|created|updated|posted|published)/i;

/** Numbers are times only if their column says so. */
function hasTimes({ name, cells, empty, distinct }: Facts): boolean {
  if (cells.length === 0 || empty > 0 || distinct < 2) return false;
  if (cells.every((text) => !Number.isNaN(Number(text))) && !TIME_NAME.test(name)) return false;
  return readTimes(cells).unread.size === 0;
}

/** A file may begin with all rows of one group, so that the first rows have one value only. */
function repeats({ name, cells, distinct, meanLength, empty }: Facts): boolean {
  if (distinct < 2 || meanLength > LONGEST_KEY || cells.length <= empty) return false;
  return cells.length >= REPEATS * new Set(cells).size && (!isBookkeeping(name) || GROUPING.test(name));
}

/** Of the columns with which rows are kept, those that may tell what belongs together. */
const GROUPING = /^(id|source|url|lang|language)$/i;
