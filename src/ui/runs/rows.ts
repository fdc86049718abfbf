/** The facts of a run as the table shows them. Pure. */

import type { RunHistory, RunView } from '../../../workers/api';
import { goalOf } from '../../state/goal';
import { statusOf, statusWords } from '../../state/run-status';
import { duration } from '../charts/figures';
import { GOAL_WORDS } from '../data/words';
import { bytes, count, plural } from '../format';
import { changedSettings, methodName, type SettingWords } from '../recipe/values';
import { OBJECTIVE_WORDS } from '../recipe/words';
import { resultOf, timeWords, type Result } from './result';

export interface RunRow {
  readonly run: RunView;
  /** It is being trained now. */
  readonly live: boolean;
  /** What it learnt, in plain words. */
  readonly task: string;
  /** The field's term for it; empty where the plain words are the term. */
  readonly term: string;
  readonly model: string;
  readonly method: string;
  readonly changes: readonly SettingWords[];
  readonly result: Result;
  readonly status: string;
  readonly steps: string;
  readonly time: string;
  readonly when: string;
  /** Of all its checkpoints. */
  readonly bytes: number;
  readonly size: string;
}

export function rowOf(run: RunView, live = false): RunRow {
  const size = run.checkpoints.reduce((sum, checkpoint) => sum + checkpoint.bytes, 0);
  return {
    ...{ run, live },
    ...taskOf(run),
    model: run.teacher === undefined ? run.modelName : `${run.modelName}, taught by ${run.teacher.name}`,
    method: methodName(run.recipe.method),
    changes: changedSettings(run.recipe),
    result: resultOf(run),
    status: live ? statusWords.running : statusOf(run),
    steps: `${count(run.step)} of ${count(run.totalSteps)}`,
    time: duration(run.seconds),
    when: timeWords(run.updatedAt),
    ...{ bytes: size, size: size === 0 ? '–' : bytes(size) },
  };
}

/** The objective whose name says no more than the plain words. */
const PLAIN = ['sft', 'classify', 'multi-label', 'regress'];

function taskOf({ recipe: { objective }, dataKind, labels = [] }: RunView): Pick<RunRow, 'task' | 'term'> {
  const goal = goalOf(objective.kind, { format: dataKind === 'text' ? 'text' : 'messages' });
  const counted: Readonly<Record<string, string>> = {
    categories: `Sort into ${plural(labels.length, 'category', 'categories')}`,
    labels: `Give any of ${plural(labels.length, 'label')}`,
  };
  const task = (labels.length === 0 ? undefined : counted[goal]) ?? GOAL_WORDS[goal].name;
  return { task, term: PLAIN.includes(objective.kind) ? '' : OBJECTIVE_WORDS[objective.kind].name };
}

/** A run that is being trained, with the figures of its newest rows; name and notes as in the list. */
export function liveRun(run: RunView, { steps, evals }: RunHistory, listed: RunView | null): RunView {
  const [step, measured] = [steps.at(-1), evals.at(-1)];
  return {
    ...run,
    ...(listed !== null && { name: listed.name }),
    ...(listed?.notes !== undefined && { notes: listed.notes }),
    step: step?.step ?? run.step,
    seconds: step?.seconds ?? run.seconds,
    tunedLoss: measured?.loss ?? run.tunedLoss,
    metrics: measured?.metrics ?? run.metrics,
  };
}

/** A setting with its value: `Rank 4`, `Measure every 10 steps`. */
export function settingText({ label, value }: Pick<SettingWords, 'label' | 'value'>): string {
  return label.includes('…') ? label.replace('…', value) : `${label} ${value}`;
}

/** The datasets of a run with their weights: `tickets.csv × 1 (90 examples for training), faq.jsonl × 0.5 (…)`. */
export function mixtureWords(mixture: NonNullable<RunView['mixture']>): string {
  return mixture.map(({ name, weight, train }) => `${name} × ${weight} (${plural(train, 'example')} for training)`).join(', ');
}
