/** Whether the values of a column are distributed over groups of rows as chance distributes them. */

import { originOf } from '../row-origin';
import { cellText, type Row } from '../table';
import type { BiasCheck, ColumnBias, Contrast } from './answers';
import type { Asker } from './asker';
import { independence } from './chi-squared';
import type { Looked } from './looked';
import { pooled, type Contingency } from './pooling';
import { answered, RowSurvey } from './survey';

/** Columns with more values, or whose values hardly repeat, are texts or name single rows. */
const MOST_VALUES = 50;
const REPEATS = 2;

/** The level of the test, for all columns together (Bonferroni). */
const LEVEL = 0.01;

/** Cramér's V below which a difference is small (Cohen, "Statistical Power Analysis", 1988: w = 0.1). */
const SMALL = 0.1;

/** What tells the groups of rows apart that are compared. */
interface Grouping {
  /** Why there are none. */
  readonly reason: BiasCheck['reason'];
  /** The group of a row; undefined for one that is in none. */
  readonly of: (row: Row) => string | undefined;
  /** Columns that are not compared, because they make the groups. */
  readonly without: readonly number[];
}

/** Whether columns go with the labels. */
export const bias: Asker<'bias'> = (looked, _, over) =>
  answered(
    looked.work('bias', '', () => surveyOf(looked, byLabel(looked))),
    over,
  );

/** Whether columns, the label among them, are the same in the parts for training, validation and test. */
export const parts: Asker<'parts'> = (looked, { key }, over) =>
  answered(
    looked.work('parts', key, () => surveyOf(looked, byPart(looked, key))),
    over,
  );

function byLabel({ labels }: Looked): Grouping {
  const reason = labels === null ? 'no labels' : labels.several ? 'several labels' : null;
  return { reason, of: (row) => labels?.read(row)[0], without: labels?.columns ?? [] };
}

function byPart({ parts }: Looked, key: string): Grouping {
  const known = parts?.key === key ? parts.of : null;
  return { reason: known === null ? 'no parts' : null, of: (row) => known?.get(originOf(row)), without: [] };
}

function surveyOf(looked: Looked, { reason, of, without }: Grouping): RowSurvey<BiasCheck> {
  const columns = reason === null ? candidates(looked, without) : [];
  const tallies = columns.map((column) => ({ column, tally: new Map() as Tally }));
  let rows = 0;
  const visit = (row: Row): void => {
    const group = of(row);
    if (group === undefined) return;
    rows++;
    for (const { column, tally } of tallies) count(tally, cellText(row.cells[column]).trim(), group);
  };
  const answer = (): BiasCheck => {
    const found = tallies.flatMap(({ column, tally }) => biasOf(column, tally, LEVEL / columns.length));
    const why = reason ?? (columns.length === 0 ? 'no columns' : null);
    return { reason: why, rows, columns: found.sort((a, b) => (b.test?.v ?? 0) - (a.test?.v ?? 0)) };
  };
  return new RowSurvey(looked.table.rows, visit, answer, columns.length === 0 ? 0 : undefined);
}

/** Columns of few values. The statistics are of the file; data steps may leave fewer. */
function candidates({ columns }: Looked, without: readonly number[]): number[] {
  return [...columns.keys()].filter((column) => {
    const { distinct = 0, filled = 0 } = columns[column] ?? {};
    const few = distinct >= 1 && distinct <= MOST_VALUES && distinct * REPEATS <= filled;
    return few && !without.includes(column);
  });
}

type Tally = Map<string, Map<string, number>>;

function count(tally: Tally, value: string, group: string): void {
  const groups = tally.get(value) ?? new Map<string, number>();
  groups.set(group, (groups.get(group) ?? 0) + 1);
  tally.set(value, groups);
}

/** None for a column that has one value only. */
function biasOf(column: number, tally: Tally, level: number): ColumnBias[] {
  if (tally.size < 2) return [];
  const table = pooled(contingencyOf(tally));
  if (table === null) return [{ column, test: null, verdict: 'few', contrast: null }];
  const test = independence(table.counts);
  const verdict = test.p >= level ? 'chance' : test.v < SMALL ? 'slight' : 'strong';
  return [{ column, test, verdict, contrast: verdict === 'chance' ? null : contrastOf(table) }];
}

function contingencyOf(tally: Tally): Contingency {
  const columns = [...new Set([...tally.values()].flatMap((groups) => [...groups.keys()]))];
  const rows = [...tally.keys()];
  return { rows, columns, counts: [...tally.values()].map((groups) => columns.map((group) => groups.get(group) ?? 0)) };
}

/** The largest difference between the shares that a value has of two groups. */
function contrastOf({ rows, columns, counts }: Contingency): Contrast | null {
  const totals = columns.map((_, column) => counts.reduce((all, row) => all + (row[column] ?? 0), 0));
  const contrasts = rows.flatMap((value, at) => {
    const shares = columns
      .map((group, column) => ({ group, share: (counts[at]?.[column] ?? 0) / (totals[column] ?? 1) }))
      .filter((share): share is Share => share.group !== null)
      .sort((a, b) => b.share - a.share);
    const [high, low] = [shares[0], shares.at(-1)];
    return value === null || high === undefined || low === undefined ? [] : [{ value, high, low }];
  });
  return contrasts.sort(byWidth)[0] ?? null;
}

/** The widest first; of two values whose shares complete each other, the more frequent one. */
function byWidth(a: Contrast, b: Contrast): number {
  const wider = b.high.share - b.low.share - (a.high.share - a.low.share);
  return Math.abs(wider) > 1e-9 ? wider : b.high.share - a.high.share;
}

type Share = Contrast['high'];
