/** Measurements in words and figures. Pure. */

import type { Measurement, RunView } from '../../../workers/api';
import { learnsFromRewards, type ObjectiveKind } from '../../recipe/objectives';
import type { MetricKind } from '../../recipe/metrics';
import type { MeasuredModel, MeasuredRows, TestSet } from '../../state/measure.svelte';
import { predicts } from '../../state/objective';
import { holdsOut } from '../../state/parts';
import type { RowView } from '../../state/predicted-rows';
import { loss, share } from '../charts/figures';
import { METRIC_NAMES } from '../charts/metric-names';
import { lossUnit, reportsOf, type Report } from '../charts/reports';
import { count, plural } from '../format';
import type { Cell } from '../train/confusion';

/** What a measurement reports beside what the charts of a run show. */
const MORE: { readonly [K in ObjectiveKind]?: readonly Report[] } = {
  classify: [{ key: 'mcc', name: 'MCC', unit: 'correlation of predicted and true category', write: loss, better: 'higher' }],
  'multi-label': [{ key: 'macroF1', name: 'Macro F1', unit: 'mean over the labels', write: share, better: 'higher' }],
  regress: [{ key: 'mae', name: 'Error (MAE)', unit: 'mean distance', write: loss, better: 'lower' }],
};

/** A column of the table. */
export interface MeasureColumn {
  readonly name: string;
  readonly of: (result: Measurement) => string;
}

/** The metrics of the task, then the loss, which rewards take the place of. */
export function columnsOf(kind: ObjectiveKind): readonly MeasureColumn[] {
  const metrics = [...reportsOf(kind), ...(MORE[kind] ?? [])];
  return [
    ...metrics.map(({ key, name, write }): MeasureColumn => ({ name, of: (result) => write(result.metrics?.[key]) })),
    ...(learnsFromRewards(kind) ? [] : [{ name: 'Loss', of: (result: Measurement) => loss(result.loss) }]),
  ];
}

/** What the columns are: `Loss: nats per token.` */
export function columnsNote(kind: ObjectiveKind): string {
  if (learnsFromRewards(kind)) return 'The model answers the prompts of the rows; a higher mean reward is better.';
  return `Loss: ${lossUnit(kind)}; lower is better.`;
}

/** The field's other word for the loss of texts. */
export function perplexity(kind: ObjectiveKind, result: Measurement): string | null {
  return kind === 'sft' ? `perplexity ${Math.exp(result.loss).toPrecision(4)}` : null;
}

/** A row of the table. */
export interface MeasureRow {
  readonly key: MeasuredModel;
  readonly name: string;
  /** Null: not measured, or it can't be. */
  readonly result: Measurement | null;
}

/** The base, where it can be the base with examples, the checkpoints that were measured, and the chosen one, by their steps. */
export function rowsOf(run: PromptedRun, { results }: Pick<TestSet, 'results'>, step: number): readonly MeasureRow[] {
  const measured = [...results.keys()].filter((key) => typeof key === 'number');
  const steps = [...new Set([...measured, step])].sort((a, b) => a - b);
  const prompted = promptedBlocker(run) === null ? (['prompted'] as const) : [];
  return (['base', ...prompted, ...steps] as const).map((key) => {
    const result = results.get(key) ?? null;
    return { key, name: nameOf(key, result), result };
  });
}

function nameOf(key: MeasuredModel, result: Measurement | null): string {
  if (key === 'base') return 'Base model';
  if (key !== 'prompted') return `Tuned, step ${count(key)}`;
  return result?.shots === undefined ? 'Base with examples' : `Base with ${plural(result.shots, 'example')}`;
}

/** A run of which the base may be measured with examples. */
type PromptedRun = Pick<RunView, 'recipe' | 'shots' | 'imported'>;

/** Why the base can't be measured with examples of the training data before each row, or null. */
export function promptedBlocker({ recipe, shots, imported }: PromptedRun): string | null {
  if (recipe.objective.kind !== 'sft') return 'The base with examples is measured for runs that learn texts (SFT) only.';
  if (imported === true)
    return 'The data of this adapter are not here, so that the base can’t be measured with examples of them.';
  if (shots === undefined) return 'This run was saved by a version that kept no examples of its data for the base.';
  return shots.length === 0 ? 'Its data have no short questions with answers that the base could read as examples.' : null;
}

/** What the row of the base with examples means: which it reads, and whether all of them fit. */
export function promptedNote({ shots = [] }: PromptedRun, { results }: Pick<TestSet, 'results'>): string {
  const used = results.get('prompted')?.shots ?? shots.length;
  const which = `The base with examples reads ${plural(used, 'example')} of the training data before each row (few-shot), what you get without training. The loss counts the same tokens for all.`;
  return used < shots.length ? `${which} More do not fit before the longest row.` : which;
}

/** Nothing is left to measure of the chosen checkpoint. */
export function isMeasured({ results }: Pick<TestSet, 'results'>, kind: ObjectiveKind, step: number): boolean {
  return results.has(step) && (predicts(kind) || results.has('base'));
}

/** Which rows were used: `60 rows.`; `412 of 1,200 rows, the same as during training.`; `58 rows; 2 are left out.` */
export function usedWords({ file, test, read, results }: Pick<TestSet, 'file' | 'test' | 'read' | 'results'>): string {
  const [result] = results.values();
  if (result === undefined) return '';
  const { rows, of } = result;
  if (test) return `${plural(rows, 'row')}: all that were kept for the test.`;
  if (file === null)
    return rows < of
      ? `${count(rows)} of ${plural(of, 'row')}: the same sample as during training.`
      : `${plural(rows, 'row')}: all that were held out, as during training.`;
  const left = Math.max(0, (read?.rows ?? rows) - rows);
  return `${plural(rows, 'row')} of the file${left === 0 ? ': all of them.' : `; ${count(left)} can’t be used.`}`;
}

/** What can be done with a file that lacks what the run predicts: `It has no column “label”: its rows can be predicted, not measured.` */
export function unlabelledWords({ columns }: Pick<RunView, 'columns'>): string {
  const names = (columns?.roles ?? []).flatMap(({ name, role }) =>
    role === 'label' || role === 'assistant' ? [`“${name}”`] : [],
  );
  return `It has no column ${names.join(', ')}: its rows can be predicted, not measured.`;
}

/** Why the rows can't be measured, or null. */
export function rowsBlocker(run: Pick<RunView, 'recipe' | 'parts'>, { file, test }: MeasuredRows): string | null {
  if (file !== null || test || holdsOut(run)) return null;
  return 'This run held no rows out. Measure it on a file with other rows.';
}

/** The rows by name, and what they are. */
export function titleOf({ file, test }: MeasuredRows): { readonly name: string; readonly note: string } {
  if (file !== null) return { name: file.name, note: 'test file' };
  if (test) return { name: 'Test rows', note: 'rows that neither trained the run nor chose its best checkpoint' };
  return { name: 'Held-out rows', note: 'rows of the data that the run did not learn from' };
}

const UNTRAINED = 'The base model predicts nothing before training: there is nothing to compare with.';

/** What the row of the base means where it stays empty. */
export function baseNote(kind: ObjectiveKind): string | null {
  return predicts(kind) ? UNTRAINED : null;
}

/** Every metric of a measurement that is defined; of one class per row the micro averages too, which are all the accuracy. */
export function metricRows(kind: ObjectiveKind, { metrics = {} }: Pick<Measurement, 'metrics'>) {
  const found = (Object.keys(METRIC_NAMES) as MetricKind[]).flatMap((key) => {
    const value = metrics[key];
    return value === undefined ? [] : [{ name: METRIC_NAMES[key], value }];
  });
  const { accuracy } = metrics;
  if (kind !== 'classify' || accuracy === undefined) return found;
  return [...found, { name: 'Precision, recall and F1, micro', value: accuracy }];
}

const LONGEST = 300;

/** A text that is not too long for a table. */
export function shortText(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST).replace(/[\ud800-\udbff]$/, '')}…` : text;
}

/** A confidence such as `99.6 %`: rounded to whole percents many would be 100 %. */
export function sureWords(confidence: number): string {
  return `${(100 * confidence).toFixed(1)} %`;
}

/** The rows of a cell of the confusion matrix: `“ham” taken for “spam”`. */
export function cellWords({ truth, predicted }: Cell, names: readonly string[]): string {
  const [own, taken] = [names[truth] ?? '', names[predicted] ?? ''];
  return truth === predicted ? `“${own}”, as predicted` : `“${own}” taken for “${taken}”`;
}

/** How many rows are listed, and in which order. */
export function worstWords(kind: ObjectiveKind, rows: number, picked: Cell | null): string {
  if (picked !== null) return `${plural(rows, 'row')}, in the order of the file`;
  if (rows === 0) return 'every row is right';
  return kind === 'regress' ? 'the largest distance first' : `${plural(rows, 'row')} wrong, the most certain first`;
}

/** What the list of rows says of each at the end. */
export function lastColumn(kind: ObjectiveKind): { readonly name: string; readonly of: (row: RowView) => string } {
  return { name: LAST[kind] ?? 'Loss', of: ({ badness }) => loss(badness) };
}

const LAST: { readonly [K in ObjectiveKind]?: string } = { classify: 'Sure', regress: 'Distance' };
