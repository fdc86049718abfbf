/** Whether the values of a column are distributed over the labels as chance distributes them. */

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

export const bias: Asker<'bias'> = (looked, _, over) =>
  answered(
    looked.work('bias', '', () => surveyOf(looked)),
    over,
  );

function surveyOf(looked: Looked): RowSurvey<BiasCheck> {
  const { table, labels } = looked;
  const columns = labels === null ? [] : candidates(looked);
  const reason = labels === null ? 'no labels' : labels.several ? 'several labels' : columns.length === 0 ? 'no columns' : null;
  const tallies = columns.map((column) => ({ column, tally: new Map() as Tally }));
  let rows = 0;
  const visit = (row: Row): void => {
    const [label] = labels?.read(row) ?? [];
    if (label === undefined) return;
    rows++;
    for (const { column, tally } of tallies) count(tally, cellText(row.cells[column]).trim(), label);
  };
  const found = (): ColumnBias[] => tallies.flatMap(({ column, tally }) => biasOf(column, tally, LEVEL / columns.length));
  return new RowSurvey(
    table.rows,
    visit,
    () => ({ reason, rows, columns: reason === null ? found().sort((a, b) => (b.test?.v ?? 0) - (a.test?.v ?? 0)) : [] }),
    reason === null ? undefined : 0,
  );
}

/** Columns of few values. The statistics are of the file; data steps may leave fewer. */
function candidates({ columns, labels }: Looked): number[] {
  return [...columns.keys()].filter((column) => {
    const { distinct = 0, filled = 0 } = columns[column] ?? {};
    const few = distinct >= 1 && distinct <= MOST_VALUES && distinct * REPEATS <= filled;
    return few && labels?.columns.includes(column) !== true;
  });
}

type Tally = Map<string, Map<string, number>>;

function count(tally: Tally, value: string, label: string): void {
  const labels = tally.get(value) ?? new Map<string, number>();
  labels.set(label, (labels.get(label) ?? 0) + 1);
  tally.set(value, labels);
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
  const columns = [...new Set([...tally.values()].flatMap((labels) => [...labels.keys()]))];
  const rows = [...tally.keys()];
  return { rows, columns, counts: [...tally.values()].map((labels) => columns.map((label) => labels.get(label) ?? 0)) };
}

/** The largest difference between the shares that a value has of two labels. */
function contrastOf({ rows, columns, counts }: Contingency): Contrast | null {
  const totals = columns.map((_, column) => counts.reduce((all, row) => all + (row[column] ?? 0), 0));
  const contrasts = rows.flatMap((value, at) => {
    const shares = columns
      .map((label, column) => ({ label, share: (counts[at]?.[column] ?? 0) / (totals[column] ?? 1) }))
      .filter((share): share is Share => share.label !== null)
      .sort((a, b) => b.share - a.share);
    const [high, low] = [shares[0], shares.at(-1)];
    return value === null || high === undefined || low === undefined ? [] : [{ value, high, low }];
  });
  const width = ({ high, low }: Contrast): number => high.share - low.share;
  return contrasts.sort((a, b) => width(b) - width(a))[0] ?? null;
}

type Share = Contrast['high'];
