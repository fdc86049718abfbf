/** The rows of a run. Arrays grow in place, because hundreds of events may arrive per second. */

import type { EvalRow, RunHistory, SampleRow, StepRow, TrainEvent } from '../../workers/api';

export class RunLog {
  readonly steps: StepRow[];
  readonly evals: EvalRow[];
  readonly samples: SampleRow[];

  constructor(history: RunHistory = { steps: [], evals: [], samples: [] }) {
    this.steps = [...history.steps];
    this.evals = [...history.evals];
    this.samples = [...history.samples];
  }

  /** Adds a row. A resumed run repeats the steps after its checkpoint: their older rows are removed. */
  add(event: TrainEvent): void {
    if (event.type === 'step') this.#addStep(rowOf(event, stepKeys));
    if (event.type === 'eval') insert(this.evals, rowOf(event, evalKeys), (one) => one.step === event.step);
    if (event.type === 'sample') {
      insert(this.samples, rowOf(event, sampleKeys), (one) => one.step === event.step && one.prompt === event.prompt);
    }
  }

  /** The same arrays in a new object, so that reactive state notices the change. */
  view(): RunHistory {
    return { steps: this.steps, evals: this.evals, samples: this.samples };
  }

  #addStep(row: StepRow): void {
    if ((this.steps.at(-1)?.step ?? -1) >= row.step)
      for (const rows of [this.steps, this.evals, this.samples]) cutFrom(rows, row.step);
    this.steps.push(row);
  }
}

const stepKeys = [
  ...(['step', 'loss', 'learningRate', 'gradNorm', 'lossScale', 'skipped', 'figures'] as const),
  ...(['tokensPerSecond', 'seconds', 'epoch', 'left'] as const),
] as const;
const evalKeys = ['step', 'loss', 'metrics', 'confusion', 'sources'] as const;
const sampleKeys = ['step', 'prompt', 'text'] as const;

function rowOf<T extends object, K extends keyof T>(event: T, keys: readonly K[]): Pick<T, K> {
  return Object.fromEntries(keys.filter((key) => key in event).map((key) => [key, event[key]])) as Pick<T, K>;
}

/** Inserts a row by step, or replaces the row that it repeats. */
function insert<T extends { readonly step: number }>(rows: T[], row: T, repeats: (one: T) => boolean): void {
  const again = rows.findIndex(repeats);
  const after = rows.findLastIndex((one) => one.step <= row.step) + 1;
  if (again >= 0) rows[again] = row;
  else rows.splice(after, 0, row);
}

function cutFrom(rows: { readonly step: number }[], step: number): void {
  while ((rows.at(-1)?.step ?? -1) >= step) rows.pop();
}
