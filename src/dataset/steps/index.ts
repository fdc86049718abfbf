/** The table of data steps, and how a recipe's steps are applied to rows. */

import { DATA_STEP_KINDS, type DataStepKind, type DataStepSettings, type DataStepSettingsOf } from '../../recipe/data-steps';
import { NO_PROBLEMS } from '../problems';
import { cellText, listOfRows, type Row, type Table } from '../table';
import type { Mapping } from '../types';
import { augment } from './augment';
import { StepChain, type LinkCounts } from './chain';
import { balance } from './balance';
import { cutLong } from './cut-long';
import { dropContradictions } from './drop-contradictions';
import { dropDuplicates } from './drop-duplicates';
import { dropNearDuplicates } from './drop-near-duplicates';
import { dropStopwords } from './drop-stopwords';
import { fillEmpty } from './fill-empty';
import { html } from './html';
import { keepSome } from './keep-some';
import { length } from './length';
import { maskPersonal } from './mask-personal';
import { mergeLabels } from './merge-labels';
import { mojibake } from './mojibake';
import { normalise } from './normalise';
import { used, type DataStep, type Shape } from './step';
import { stem } from './stem';
import { trim } from './trim';

export const DATA_STEPS = {
  mojibake,
  html,
  normalise,
  trim,
  'fill-empty': fillEmpty,
  'merge-labels': mergeLabels,
  'mask-personal': maskPersonal,
  length,
  'drop-duplicates': dropDuplicates,
  'drop-near-duplicates': dropNearDuplicates,
  'drop-contradictions': dropContradictions,
  'cut-long': cutLong,
  balance,
  augment,
  'drop-stopwords': dropStopwords,
  stem,
  'keep-some': keepSome,
} satisfies { readonly [K in DataStepKind]: DataStep<DataStepSettingsOf<K>> };

/** The step of a kind: its settings are those of the kind. */
function stepOf(kind: DataStepKind): DataStep<DataStepSettings> {
  return DATA_STEPS[kind];
}

/** A step of a recipe, and what it did. */
export interface AppliedStep extends LinkCounts {
  readonly settings: DataStepSettings;
}

/** The table after the steps, each applied to the rows that the one before left. */
export async function applySteps(
  table: Table,
  mapping: Mapping,
  steps: readonly DataStepSettings[],
  seed: number,
): Promise<{ readonly table: Table; readonly applied: readonly AppliedStep[] }> {
  if (steps.length === 0) return { table, applied: [] };
  let chain = StepChain.of(table, shapeOf(table, mapping));
  for (const settings of steps) chain = await extend(chain, settings, seed);
  const { rows, counts } = await chain.settle();
  const applied = steps.flatMap((settings, index): AppliedStep[] => {
    const count = counts[index];
    return count === undefined ? [] : [{ settings, ...count }];
  });
  return { table: { ...table, rows, sample: chain.shape.sample }, applied };
}

/** The table after the steps that change what a model reads. No row is dropped. */
export async function applyTextSteps(
  table: Table,
  mapping: Mapping,
  steps: readonly DataStepSettings[],
  seed: number,
): Promise<Table> {
  const text = steps.filter(({ kind }) => stepOf(kind).text === true);
  return (await applySteps(table, mapping, text, seed)).table;
}

function extend(chain: StepChain, settings: DataStepSettings, seed: number): Promise<StepChain> {
  return chain.with((shape) => stepOf(settings.kind).begin(shape, settings, seed));
}

/** Suggestions are counted in rows of this many characters together, which takes about two seconds. */
const MOST_CHARACTERS = 5_000_000;

/**
 * The steps that would have an effect, each with what it would do by itself, and in how many rows of a large file that was counted. A
 * step that has no effect after the ones suggested before it is left out: trimming, for example, may already merge all spellings of a
 * label.
 */
export async function suggestSteps(
  table: Table,
  mapping: Mapping,
  seed: number,
  most = MOST_CHARACTERS,
): Promise<{ readonly steps: readonly AppliedStep[]; readonly rows: number }> {
  const rows = listOfRows(await firstRows(table, mapping, most));
  const all = StepChain.of({ rows }, shapeOf(table, mapping));
  let after = all;
  const steps: AppliedStep[] = [];
  for (const kind of DATA_STEP_KINDS) {
    const settings = stepOf(kind).suggest(all.shape);
    if (settings === null) continue;
    const only = await extend(all, settings, seed);
    const alone = await countsOf(only);
    if (!hasEffect(alone)) continue;
    const added = after === all ? only : await extend(after, settings, seed);
    if (!hasEffect(await countsOf(added))) continue;
    after = added;
    steps.push({ settings, ...alone });
  }
  return { steps, rows: rows.count };
}

/** What the last step of a chain did. */
async function countsOf(chain: StepChain): Promise<LinkCounts> {
  const { counts } = await chain.settle();
  return counts.at(-1) ?? { changed: 0, dropped: NO_PROBLEMS, changes: [], parts: [] };
}

/** The rows before the one with which the used cells have more than `most` characters. */
async function firstRows({ rows }: Table, mapping: Mapping, most: number): Promise<Row[]> {
  const columns = used(mapping);
  const first: Row[] = [];
  let size = 0;
  for await (const chunk of rows.read()) {
    for (const row of chunk) {
      for (const column of columns) size += cellText(row.cells[column]).length;
      if (size > most) return first;
      first.push(row);
    }
  }
  return first;
}

function hasEffect({ changed, dropped }: LinkCounts): boolean {
  return changed > 0 || dropped.count > 0;
}

function shapeOf({ columns, sample, files }: Table, mapping: Mapping): Shape {
  return { ...mapping, columns, sample, ...(files && { files }) };
}
