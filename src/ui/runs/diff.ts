/** What differs between runs: data, model and settings; and what each of them reached. Pure. */

import type { EvalRow, RunHistory, RunView } from '../../../workers/api';
import { learnsFromRewards, type ObjectiveKind } from '../../recipe/objectives';
import type { Recipe } from '../../recipe/recipe';
import { duration, loss } from '../charts/figures';
import { reportsOf, type Report } from '../charts/reports';
import { count, plural } from '../format';
import { changedSettings, settingsIn } from '../recipe/values';
import { rowOf } from './rows';

export interface ComparedRun {
  readonly run: RunView;
  readonly history: RunHistory;
}

/** One value of each run. */
export interface DiffRow {
  readonly name: string;
  /** Name in the recipe file; null for what is no setting. */
  readonly term: string | null;
  readonly values: readonly string[];
}

/** In place of a value that a run does not have. */
export const NONE = '–';

/** One row for each setting that differs, after what the runs were trained from. */
export function differences(runs: readonly RunView[]): readonly DiffRow[] {
  const facts = runs.map((run) => rowOf(run));
  const given: readonly DiffRow[] = [
    { name: 'Learns to', term: null, values: facts.map(({ task }) => task) },
    { name: 'Model', term: null, values: facts.map(({ model }) => model) },
    {
      name: 'Data',
      term: null,
      values: runs.map(({ datasetName, examples }) => `${datasetName}, ${plural(examples, 'example')}`),
    },
  ];
  return [...given.filter(({ values }) => differ(values)), ...settingRows(runs.map(({ recipe }) => recipe))];
}

/**
 * The settings that differ, in the order of the form. One that only some of the methods or objectives have is left out where it has its
 * default: that the method differs says as much.
 */
export function settingRows(recipes: readonly Recipe[]): readonly DiffRow[] {
  const settings = recipes.map(settingsIn);
  const changed = new Set(recipes.flatMap(changedSettings).map(({ setting }) => setting));
  const names = new Map(settings.flat().map(({ setting, label }) => [setting, label]));
  const rows = [...names].map(([setting, name]) => ({
    ...{ name, term: setting },
    values: settings.map((own) => own.find((one) => one.setting === setting)?.value ?? NONE),
  }));
  return rows.filter(({ term, values }) => differ(changed.has(term) ? values : values.filter((value) => value !== NONE)));
}

function differ(values: readonly string[]): boolean {
  return new Set(values).size > 1;
}

/** What each run reached: its losses, the best value of each metric, its steps and time. */
export function outcomes(runs: readonly ComparedRun[]): readonly DiffRow[] {
  const of = (name: string, write: (run: ComparedRun) => string): DiffRow => ({ name, term: null, values: runs.map(write) });
  return [
    ...lossRows(runs),
    ...reportRows(runs),
    of('Steps', ({ run }) => `${count(run.step)} of ${count(run.totalSteps)}`),
    of('Time', ({ run, history }) => duration(history.steps.at(-1)?.seconds ?? run.seconds)),
  ];
}

/** The held-out losses of the runs that have one; rewards are among the metrics. */
function lossRows(runs: readonly ComparedRun[]): readonly DiffRow[] {
  const has = ({ run }: ComparedRun) => !learnsFromRewards(run.recipe.objective.kind);
  if (!runs.some(has)) return [];
  const of = (name: string, write: (run: ComparedRun) => string): DiffRow => ({
    ...{ name, term: null },
    values: runs.map((run) => (has(run) ? write(run) : NONE)),
  });
  const lowest = (evals: readonly EvalRow[]) => best(evals, ({ loss: value }) => value, 'lower');
  return [
    of('Held-out loss at the end', ({ run, history }) => loss(history.evals.at(-1)?.loss ?? run.tunedLoss)),
    of('Lowest held-out loss', ({ history: { evals } }) => atStep(lowest(evals), loss)),
  ];
}

/** The metrics that one of the runs has, each once. */
function reportRows(runs: readonly ComparedRun[]): readonly DiffRow[] {
  const kinds = runs.map(({ run }): ObjectiveKind => run.recipe.objective.kind);
  const reports = new Map(kinds.flatMap(reportsOf).map((report) => [report.name, report]));
  return [...reports.values()].map((report) => ({
    ...{ name: `${report.name}, best`, term: null },
    values: runs.map((run) => (has(run, report) ? atStep(bestOf(run.history.evals, report), report.write) : NONE)),
  }));
}

/** Objectives may mean different things by metrics of one key. */
function has({ run }: ComparedRun, { name }: Report): boolean {
  return reportsOf(run.recipe.objective.kind).some((report) => report.name === name);
}

interface Measured {
  readonly step: number;
  readonly value: number;
}

function bestOf(evals: readonly EvalRow[], { key, better }: Report): Measured | null {
  return best(evals, ({ metrics }) => metrics?.[key], better);
}

/** The best measurement, the earlier one of equals; null where there is none. */
function best(evals: readonly EvalRow[], read: (row: EvalRow) => number | undefined, better: Report['better']): Measured | null {
  const sign = better === 'higher' ? -1 : 1;
  const values = evals.map((row) => ({ step: row.step, value: read(row) ?? NaN })).filter(({ value }) => Number.isFinite(value));
  return values.toSorted((a, b) => sign * (a.value - b.value))[0] ?? null;
}

function atStep(measured: Measured | null, write: (value: number) => string): string {
  return measured === null ? NONE : `${write(measured.value)} at step ${count(measured.step)}`;
}
