/** The run that the Train stage shows (trained here, in another tab, or not at all): its record, rows and figures. */

import type { RunHistory, RunView, TrainEvent, Work } from '../../workers/api';
import type { ObjectiveKind } from '../recipe/objectives';
import type { FirstStep } from './first-step';
import { RunLog } from './run-log';

/** What a run does between steps, or before the first one. */
export interface Phase {
  readonly message: string;
  readonly done: number;
  readonly total: number;
  /** Milliseconds since the page was opened, when this phase began. */
  readonly since: number;
}

export const NO_ROWS: RunHistory = { steps: [], evals: [], samples: [] };

export class ShownRun {
  #log = new RunLog();
  run = $state.raw<RunView | null>(null);
  history = $state.raw<RunHistory>(NO_ROWS);
  phase = $state.raw<Phase | null>(null);
  /** Bytes held by the run on the device; null for runs that are not trained here. */
  memory = $state<number | null>(null);
  /** What a token costs and what the device could do, once both are known. */
  work = $state.raw<Work | null>(null);
  /** Time from the click to the first step, by phase; null before that step, and for runs that are only shown. */
  firstStep = $state.raw<FirstStep | null>(null);

  readonly last = $derived(this.history.steps.at(-1) ?? null);
  readonly step = $derived(this.last?.step ?? this.run?.step ?? 0);
  readonly totalSteps = $derived(this.run?.totalSteps ?? 0);
  /** Seconds from the last step to the end of the run; null before the first step. */
  readonly left = $derived(this.last?.left ?? null);
  /** The objective of a run that is prepared and has no record yet. */
  protected prepared = $state<ObjectiveKind>('sft');
  /** The objective of the run. */
  readonly kind = $derived<ObjectiveKind>(this.run?.recipe.objective.kind ?? this.prepared);
  readonly heldOutLoss = $derived(this.history.evals.at(-1)?.loss ?? null);
  /** Share of the device's peak that the last step reached; null where the peak is not known. */
  readonly ofPeak = $derived(
    this.work === null || this.last === null ? null : (this.last.tokensPerSecond * this.work.flopsPerToken) / this.work.peak,
  );
  /** Steps that changed nothing because their gradients overflowed. */
  readonly skipped = $derived(this.history.steps.filter((row) => row.skipped === true).length);

  /** Seconds left of the phase under way, from its pace so far; null while there is no pace. */
  phaseLeft(now: number): number | null {
    const phase = this.phase;
    if (!phase || phase.done <= 0 || phase.total <= phase.done) return null;
    return ((now - phase.since) / 1000 / phase.done) * (phase.total - phase.done);
  }

  protected show(run: RunView | null, history: RunHistory): void {
    this.run = run;
    this.#log = new RunLog(history);
    this.history = this.#log.view();
    this.memory = this.work = this.firstStep = null;
  }

  /** Newer rows of the same run. */
  protected update(run: RunView, history: RunHistory): void {
    this.run = run;
    this.#log = new RunLog(history);
    this.history = this.#log.view();
  }

  protected addRows(events: readonly TrainEvent[]): void {
    for (const event of events) this.#log.add(event);
    this.history = this.#log.view();
  }

  protected setPhase(message: string, done = 0, total = 0): void {
    const since = this.phase?.message === message ? this.phase.since : performance.now();
    this.phase = { message, done, total, since };
  }
}
