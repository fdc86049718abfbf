/** The loop of a run: steps, and at their intervals held-out measurements, samples and checkpoints. */

import { CodedError } from '../core/errors';
import { yieldToEventLoop } from '../core/event-loop';
import { handled } from '../core/promises';
import { isDue, type Cadence } from './cadence';
import { stopReason, type StopReason } from './jobs';
import type { Reports } from './reports';
import type { Rolled, RolloutSource } from './rollouts';
import type { BatchSource, HeldOut, StepResult, TrainingSession } from './session';
import type { Activity, Timetable } from './timetable';
import type { EvalRow, StepRow } from './types';

/** Updates in flight: one runs on the device while the next is encoded. */
const IN_FLIGHT = 2;
/** A checkpoint is saved after at most this long, whatever the recipe says: it bounds what a crash can lose. */
const SAVE_SECONDS = 60;

export interface RunInput {
  readonly session: Pick<TrainingSession, 'step' | 'totalSteps' | 'advance' | 'measure'>;
  readonly source: BatchSource | RolloutSource;
  readonly heldOut: HeldOut;
  /** Measures in place of the session, where the loss of batches says little; its loss is the mean reward with the opposite sign. */
  readonly exam?: Exam;
  readonly reports: Reports;
  readonly cadence: Cadence;
  /** Learns how long each activity takes. */
  readonly timetable: Timetable;
  /** Epochs completed after `step` updates. */
  readonly epochAt: (step: number) => number;
  /** Seconds of training before this session. */
  readonly secondsBefore: number;
  /** The base's held-out loss is not known yet. It is measured after the first step, so that it does not delay that step. */
  readonly baseUnknown: boolean;
  /** The run starts from another, and what it starts from was not measured yet: the first step changes it, so that is done before. */
  readonly startUnknown: boolean;
  /** The samples of the session's step were cut short by a stop request: they are written first. */
  readonly samplesMissing: boolean;
}

/** A measurement that answers prompts: metrics by name; null where a stop request cut it short, or where there are no prompts. */
export type Exam = (which: 'tuned' | 'base', message: string) => Promise<Readonly<Record<string, number>> | null>;

/** A held-out measurement. */
export type Measured = Omit<EvalRow, 'step'>;

export interface RunHooks {
  onStep(row: StepRow): void;
  onEval(row: EvalRow): Promise<void>;
  /** What the base was measured with; null when nothing is held out. Called before the first checkpoint. */
  onBase(measured: Measured | null): Promise<void>;
  /** Saves a checkpoint of the session's current state. */
  save(): Promise<void>;
  sample(step: number): Promise<void>;
  /** Called before and during everything other than steps; `total` 0 when `done` is not counted. */
  onPhase(message: string, done: number, total: number): void;
  /** Whether the session's step was measured, better than all steps before. Asked after measurements. */
  isBest(): boolean;
  /** Whether the measurements so far end the run. */
  enough(): boolean;
  /** Of the run's job; read after every step. */
  readonly signal: AbortSignal;
}

/**
 * Trains until the last step, or until the measurements end the run or it is asked to stop: the reason of the latter, or null. Throws `train/diverged` when the loss is not finite, or when the gradient norm is
 * not finite and the loss scale cannot be lowered.
 */
export async function train(input: RunInput, hooks: RunHooks): Promise<StopReason | null> {
  const { session, source } = input;
  const clock = new Clock(input.secondsBefore);
  const steps = new StepQueue((result) => hooks.onStep(rowOf(result, clock, input)));
  const intervals = new Intervals(input, hooks);
  if (input.startUnknown) await clock.pausedFor(() => intervals.start());
  if (input.samplesMissing) await clock.pausedFor(() => hooks.sample(session.step));
  let enough = hooks.enough();
  while (session.step < session.totalSteps && !((enough || hooks.signal.aborted) && isBoundary(input))) {
    const next = 'roll' in source ? await rolled(source, session.step, steps) : source;
    if (next === null) break;
    steps.push(session.advance(next), 'figures' in next ? next.figures : {});
    if (steps.length >= IN_FLIGHT) await steps.take();
    intervals.note();
    if (intervals.due) {
      await steps.drain();
      await clock.pausedFor(() => intervals.run());
      enough = hooks.enough();
    }
    await yieldToEventLoop();
  }
  await steps.drain();
  return stopReason(hooks.signal);
}

/** Steps before a rollout that fails are handled as ever. */
async function rolled(source: RolloutSource, step: number, steps: StepQueue): Promise<Rolled | null> {
  try {
    return await source.roll(step);
  } catch (error) {
    await steps.drain();
    throw error;
  }
}

/** The run can be interrupted here: what it does next does not depend on what came before the state of the session. */
function isBoundary({ source, session }: RunInput): boolean {
  return !('roll' in source) || source.isBoundary(session.step) || session.step === session.totalSteps;
}

/** A result and the time when it arrived: two results may be handled together that arrived one after the other. */
type Timed = StepResult & { readonly at: number; readonly more: Readonly<Record<string, number>> };

/** Steps in flight; results are handled in the order of the steps. */
class StepQueue {
  readonly #pending: Promise<Timed>[] = [];
  readonly #onResult: (result: Timed) => void;

  constructor(onResult: (result: Timed) => void) {
    this.#onResult = onResult;
  }

  get length(): number {
    return this.#pending.length;
  }

  /** `more`: what the step reports beside its result. */
  push(result: Promise<StepResult>, more: Timed['more']): void {
    this.#pending.push(handled(result.then((figures) => ({ ...figures, at: performance.now(), more }))));
  }

  /** Waits for the oldest step. */
  async take(): Promise<void> {
    const result = await this.#pending.shift();
    if (result !== undefined) this.#onResult(result);
  }

  async drain(): Promise<void> {
    while (this.#pending.length > 0) await this.take();
  }
}

/** What happens between steps: measurements, samples and checkpoints. */
class Intervals {
  readonly #input: RunInput;
  readonly #hooks: RunHooks;
  #baseUnknown: boolean;
  #savedAt = performance.now();
  /** A checkpoint is due, at the next step at which the run can be interrupted. */
  #saveDue = false;
  #measureDue = false;

  constructor(input: RunInput, hooks: RunHooks) {
    this.#input = input;
    this.#hooks = hooks;
    this.#baseUnknown = input.baseUnknown;
  }

  /** Something is due after the session's current step. */
  get due(): boolean {
    const waiting = (this.#saveDue || this.#measureDue) && isBoundary(this.#input);
    return this.#baseUnknown || this.#isDue(this.#input.cadence.sample) || waiting;
  }

  /** To be called after every step: measurements and checkpoints wait for a step at which the run can be interrupted. */
  note(): void {
    const { evaluate, save } = this.#input.cadence;
    this.#measureDue ||= this.#isDue(evaluate);
    this.#saveDue ||= this.#isDue(save) || performance.now() - this.#savedAt > 1000 * SAVE_SECONDS;
  }

  /** Measures and saves what the run starts from: a run that continues before its first checkpoint starts from it again. */
  async start(): Promise<void> {
    await this.#timed('measurement', () => measure(this.#input, this.#hooks));
    await this.#save();
  }

  async run(): Promise<void> {
    const { cadence, session } = this.#input;
    const here = isBoundary(this.#input);
    const measures = here && this.#measureDue;
    if (this.#baseUnknown)
      await this.#timed('base', async () => this.#hooks.onBase(await measureWith(this.#input, this.#hooks, 'base')));
    this.#baseUnknown = false;
    if (measures) await this.#timed('measurement', () => measure(this.#input, this.#hooks));
    if (measures) this.#measureDue = false;
    // Between two saves, the best step would be lost.
    const saves = here && (this.#saveDue || (measures && this.#hooks.isBest()));
    if (this.#isDue(cadence.sample)) await this.#timed('sampling', () => this.#hooks.sample(session.step));
    // Last, so that a run that continues from this checkpoint has lost nothing that came before it.
    if (saves) await this.#save();
  }

  async #save(): Promise<void> {
    await this.#timed('saving', () => this.#hooks.save());
    this.#savedAt = performance.now();
    this.#saveDue = false;
  }

  async #timed(activity: Activity, work: () => Promise<void>): Promise<void> {
    const started = performance.now();
    await work();
    this.#input.timetable.took(activity, (performance.now() - started) / 1000);
  }

  #isDue(every: number): boolean {
    return isDue(every, this.#input.session);
  }
}

async function measure(input: RunInput, hooks: RunHooks): Promise<void> {
  const measured = await measureWith(input, hooks, 'tuned');
  if (measured !== null) await hooks.onEval({ step: input.session.step, ...measured });
}

/** Null where nothing is held out, or a stop request cut the measurement short. */
async function measureWith(
  { session, heldOut, exam, reports }: RunInput,
  hooks: RunHooks,
  which: 'tuned' | 'base',
): Promise<Measured | null> {
  const message = which === 'base' ? 'Measuring the base on held-out examples' : 'Measuring on held-out examples';
  if (exam !== undefined) {
    const metrics = await exam(which, message);
    return metrics && { loss: -(metrics['reward'] ?? NaN), metrics };
  }
  if (heldOut.length === 0) return null;
  const onBatch = (done: number) => hooks.onPhase(message, done, heldOut.length);
  onBatch(0);
  const { loss, figures, parts } = await session.measure(heldOut, which, onBatch);
  return { loss, ...reports.heldOut(figures, parts) };
}

/** The gradient overflowed under a loss scale that can still be lowered: the update was skipped. */
function isSkipped({ loss, gradNorm, lossScale = 1 }: StepResult): boolean {
  return Number.isFinite(loss) && !Number.isFinite(gradNorm) && lossScale > 1;
}

function diverged({ step, loss, gradNorm, learningRate, lossScale }: StepResult): CodedError {
  const f16 = lossScale === undefined ? '' : ' Try 32-bit activations first: 16 bits overflow sooner. Otherwise:';
  return new CodedError(
    'train/diverged',
    `At step ${step} the loss was ${loss} and the gradient norm ${gradNorm}: training diverged.${f16} Lower the learning rate (it was ${learningRate.toPrecision(2)}) or raise the warm-up, and start again. The checkpoints before this step are kept.`,
  );
}

function rowOf(result: Timed, clock: Clock, input: RunInput): StepRow {
  const { step, loss, gradNorm, lossScale, learningRate, tokens, at } = result;
  const finite = Number.isFinite(loss) && Number.isFinite(gradNorm);
  const skipped = isSkipped(result);
  if (!finite && !skipped) throw diverged(result);
  const figures = { ...input.reports.step(result.figures), ...result.more };
  const lap = clock.lap(at);
  input.timetable.took('step', lap);
  return {
    step,
    loss,
    learningRate,
    gradNorm,
    ...(lossScale !== undefined && { lossScale, skipped }),
    ...(Object.keys(figures).length > 0 && { figures }),
    tokensPerSecond: tokens / Math.max(lap, 1e-6),
    seconds: clock.seconds,
    epoch: input.epochAt(step),
    left: input.timetable.left(step),
  };
}

/** Measures the time spent in steps only. */
class Clock {
  #mark = performance.now();

  constructor(public seconds: number) {}

  /** Seconds from the last lap to `at`, without pauses. */
  lap(at: number): number {
    const lap = (at - this.#mark) / 1000;
    this.#mark = at;
    this.seconds += lap;
    return lap;
  }

  /** Leaves the time that `work` takes out of the current lap. */
  async pausedFor(work: () => Promise<void>): Promise<void> {
    const from = performance.now();
    await work();
    this.#mark += performance.now() - from;
  }
}
