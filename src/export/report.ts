/** What a run did: the model card, its rows as transformers' Trainer writes them and as CSV, and its recipe. */

import { monitored, scoreOf } from '../metric/monitor';
import type { Monitor } from '../recipe/monitors';
import { modelCard } from './card';
import { classifierOf } from './classifier';
import type { Exporter } from './exporter';
import type { LoggedEval, LoggedStep, RunRows, Tuned } from './types';
import { writeLines, writeText } from './write';

export const report: Exporter = {
  large: false,

  fits: () => null,

  bytes: () => 0,

  async write(run, sink, context) {
    const rows = await context.history();
    await writeText(sink, 'README.md', modelCard({ ...run, form: 'report' }, classifierOf(run)));
    await writeText(sink, 'trainer_state.json', `${JSON.stringify(trainerState(run, rows), null, 2)}\n`);
    await writeLines(sink, 'log.csv', csvLines(rows));
    await writeText(sink, 'recipe.json', `${JSON.stringify(run.recipe, null, 2)}\n`);
  },
};

/** The state that transformers' Trainer saves with a checkpoint. JSON has no numbers for skipped steps: they are left out. */
export function trainerState(run: Pick<Tuned, 'recipe' | 'step'>, { steps, evals }: RunRows): object {
  const { recipe, step } = run;
  const best = bestOf(evals, recipe.monitor);
  const epochOf = (at: number) => steps.findLast((row) => row.step <= at)?.epoch ?? 0;
  const log = [
    ...steps.map((row) => ({ step: row.step, row: trainLog(row) })),
    ...evals.map((row) => ({ step: row.step, row: { epoch: epochOf(row.step), ...evalLog(row), step: row.step } })),
  ];
  return {
    best_global_step: best?.step ?? null,
    best_metric: best === null ? null : monitored(best, recipe.monitor),
    best_model_checkpoint: null,
    epoch: epochOf(step),
    eval_steps: recipe.evalEvery || null,
    global_step: step,
    is_hyper_param_search: false,
    is_local_process_zero: true,
    is_world_process_zero: true,
    // A stable sort: a step comes before its measurement.
    log_history: log.sort((a, b) => a.step - b.step).map(({ row }) => row),
    logging_steps: 1,
    max_steps: steps.at(-1)?.step ?? step,
    num_input_tokens_seen: 0,
    num_train_epochs: Math.ceil(recipe.epochs),
    save_steps: recipe.saveEvery || null,
    stateful_callbacks: {},
    total_flos: 0,
    train_batch_size: recipe.microBatch,
    trial_name: null,
    trial_params: null,
  };
}

/** The best measurement after training, the first one of equals. */
function bestOf(evals: readonly LoggedEval[], monitor: Monitor): LoggedEval | null {
  const score = (row: LoggedEval) => scoreOf(row, monitor) ?? Infinity;
  const measured = evals.filter((row) => row.step > 0 && score(row) < Infinity);
  return measured.reduce<LoggedEval | null>((best, row) => (best === null || score(row) < score(best) ? row : best), null);
}

function trainLog({ epoch, gradNorm, learningRate, loss, step }: LoggedStep): object {
  return finite({ epoch, grad_norm: gradNorm, learning_rate: learningRate, loss, step });
}

function evalLog({ loss, metrics = {} }: LoggedEval): Readonly<Record<string, number>> {
  const named = Object.entries(metrics).map(([name, value]) => [`eval_${name.replace(/^eval_/, '')}`, value] as const);
  return finite({ eval_loss: loss, ...Object.fromEntries(named) });
}

function finite(values: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => Number.isFinite(value)));
}

const STEP_COLUMNS = ['step', 'epoch', 'loss', 'learning_rate', 'grad_norm', 'seconds', 'tokens_per_second'] as const;

/** A row for each step; what was measured after it is in the same row. */
export function* csvLines({ steps, evals }: RunRows): Generator<string> {
  const measured = new Map(evals.map((row) => [row.step, evalLog(row)]));
  const columns = [...new Set([...measured.values()].flatMap((row) => Object.keys(row)))];
  const cells = (at: number) => columns.map((name) => measured.get(at)?.[name] ?? '');
  yield [...STEP_COLUMNS, ...columns.map(csvCell)].join(',');
  const trained = new Set(steps.map(({ step }) => step));
  for (const { step } of evals)
    if (!trained.has(step)) yield [step, ...STEP_COLUMNS.slice(1).map(() => ''), ...cells(step)].join(',');
  for (const row of steps) {
    const { step, epoch, loss, learningRate, gradNorm, seconds, tokensPerSecond } = row;
    const numbers = [step, epoch, loss, learningRate, gradNorm, seconds, tokensPerSecond];
    yield [...numbers.map((n) => (Number.isFinite(n) ? n : '')), ...cells(step)].join(',');
  }
}

const csvCell = (name: string) => (/[",\n]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name);
