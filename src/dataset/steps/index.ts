/** The table of data steps, and how a recipe's steps are applied to rows. */

import { DATA_STEP_KINDS, type DataStepKind, type DataStepSettings, type DataStepSettingsOf } from '../../recipe/data-steps';
import { cellText, type Table } from '../table';
import type { Mapping } from '../types';
import { dropContradictions } from './drop-contradictions';
import { dropDuplicates } from './drop-duplicates';
import { length } from './length';
import { mergeLabels } from './merge-labels';
import { used, type DataStep, type Rows, type StepResult } from './step';
import { trim } from './trim';

export const DATA_STEPS = {
  trim,
  'merge-labels': mergeLabels,
  'drop-duplicates': dropDuplicates,
  'drop-contradictions': dropContradictions,
  length,
} satisfies { readonly [K in DataStepKind]: DataStep<DataStepSettingsOf<K>> };

/** The step of a kind: its settings are those of the kind. */
function stepOf(kind: DataStepKind): DataStep<DataStepSettings> {
  return DATA_STEPS[kind];
}

/** A step of a recipe, and what it did. */
export interface AppliedStep extends Omit<StepResult, 'rows'> {
  readonly settings: DataStepSettings;
}

/** The table after the steps, each applied to the rows that the one before left. */
export function applySteps(
  table: Table,
  mapping: Mapping,
  steps: readonly DataStepSettings[],
  seed: number,
): { readonly table: Table; readonly applied: readonly AppliedStep[] } {
  let rows = rowsOf(table, mapping);
  const applied = steps.map((settings): AppliedStep => {
    const { rows: kept, ...result } = stepOf(settings.kind).apply(rows, settings, seed);
    rows = { ...rows, rows: kept };
    return { settings, ...result };
  });
  return { table: { ...table, rows: rows.rows }, applied };
}

/** The table after the steps that change what a model reads. No row is dropped. */
export function applyTextSteps(table: Table, mapping: Mapping, steps: readonly DataStepSettings[], seed: number): Table {
  return applySteps(
    table,
    mapping,
    steps.filter(({ kind }) => stepOf(kind).text === true),
    seed,
  ).table;
}

/** Suggestions are counted in rows of this many characters together, which takes about two seconds. */
const MOST_CHARACTERS = 50_000_000;

/**
 * The steps that would have an effect, each with what it would do by itself, and in how many rows of a large file that was counted. A
 * step that has no effect after the ones suggested before it is left out: trimming, for example, may already merge all spellings of a
 * label.
 */
export function suggestSteps(
  table: Table,
  mapping: Mapping,
  seed: number,
  most = MOST_CHARACTERS,
): { readonly steps: readonly AppliedStep[]; readonly rows: number } {
  const rows = firstRows(rowsOf(table, mapping), most);
  let after = rows;
  const steps = DATA_STEP_KINDS.flatMap((kind) => {
    const settings = stepOf(kind).suggest(rows);
    if (settings === null) return [];
    const alone = stepOf(kind).apply(rows, settings, seed);
    if (!hasEffect(alone)) return [];
    const added = after === rows ? alone : stepOf(kind).apply(after, settings, seed);
    if (!hasEffect(added)) return [];
    after = { ...after, rows: added.rows };
    const { rows: _, ...result } = alone;
    return [{ settings, ...result }];
  });
  return { steps, rows: rows.rows.length };
}

/** The rows before the one with which the used cells have more than `most` characters. */
function firstRows(rows: Rows, most: number): Rows {
  const columns = used(rows);
  let size = 0;
  const end = rows.rows.findIndex(({ cells }) => {
    for (const column of columns) size += cellText(cells[column]).length;
    return size > most;
  });
  return end < 0 ? rows : { ...rows, rows: rows.rows.slice(0, end) };
}

function hasEffect({ changed, dropped }: StepResult): boolean {
  return changed > 0 || dropped.length > 0;
}

function rowsOf({ columns, rows }: Table, mapping: Mapping): Rows {
  return { ...mapping, columns, rows };
}
