/** The loop of a run: steps, and at their intervals held-out measurements, samples and checkpoints. */

import { CodedError } from '../core/errors';
import { yieldToEventLoop } from '../core/event-loop';
import { handled } from '../core/promises';
import type { Recipe } from '../recipe/recipe';
import type { BatchSource, HeldOut, StepResult, TrainingSession } from './session';
import type { EvalRow, StepRow } from './types';

/** Updates in flight: one runs on the device while the next is encoded. */
const IN_FLIGHT = 2;
/** A checkpoint is saved after at most this long, whatever the recipe says: it bounds what a crash can lose. */
const SAVE_SECONDS = 60;

/** Intervals in steps. */
export interface Cadence {
  readonly evaluate: number;
  readonly save: number;
  readonly sample: number;
}

/** The recipe's intervals; where it has none, about ten times a run. */
export function cadenceOf(recipe: Pick<Recipe, 'evalEvery' | 'saveEvery' | 'sampleEvery'>, totalSteps: number): Cadence {
  const evaluate = recipe.evalEvery || Math.max(1, Math.ceil(totalSteps / 10));
  return { evaluate, save: recipe.saveEvery || evaluate, sample: recipe.sampleEvery || evaluate };
}

/** Whether something with this interval happens at the session's step: at its multiples and at the last step. */
export function isDue(every: number, { step, totalSteps }: Pick<TrainingSession, 'step' | 'totalSteps'>): boolean {
  return step > 0 && (step % every === 0 || step === totalSteps);
}

/** `stop` saves first; `drop` goes back to the newest checkpoint. */
export type StopRequest = 'none' | 'pause' | 'stop' | 'drop';

export interface RunInput {
  readonly session: Pick<TrainingSession, 'step' | 'totalSteps' | 'advance' | 'evaluate'>;
  readonly source: BatchSource;
  readonly heldOut: HeldOut;
  readonly cadence: Cadence;
  /** Epochs completed after `step` updates. */
  readonly epochAt: (step: number) => number;
  /** Seconds of training before this session. */
  readonly secondsBefore: number;
  /** The base's held-out loss is not known yet. It is measured after the first step, so that it does not delay that step. */
  readonly baseUnknown: boolean;
  /** The samples of the session's step were cut short by a stop request: they are written first. */
  readonly samplesMissing: boolean;
}

export interface RunHooks {
  onStep(row: StepRow): void;
  onEval(row: EvalRow): Promise<void>;
  /** The base's held-out loss; null when nothing is held out. Called before the first checkpoint. */
  onBase(loss: number | null): Promise<void>;
  /** Saves a checkpoint of the session's current state. */
  save(): Promise<void>;
  sample(step: number): Promise<void>;
  /** Called before and during everything other than steps; `total` 0 when `done` is not counted. */
  onPhase(message: string, done: number, total: number): void;
  /** Asked after every step. */
  stopRequest(): StopRequest;
}

/**
 * Trains until the last step or a stop request. Throws `train/diverged` when the loss is not finite, or when the gradient norm is
 * not finite and the loss scale cannot be lowered.
 */
export async function train(input: RunInput, hooks: RunHooks): Promise<StopRequest> {
  const { session, source, cadence } = input;
  const clock = new Clock(input.secondsBefore);
  const pending: Promise<Timed>[] = [];
  const take = async () => {
    const result = await pending.shift();
    if (result !== undefined) hooks.onStep(rowOf(result, clock, input));
  };
  if (input.samplesMissing) await clock.pausedFor(() => hooks.sample(session.step));
  let savedAt = performance.now();
  let { baseUnknown } = input;
  while (session.step < session.totalSteps && hooks.stopRequest() === 'none') {
    pending.push(handled(session.advance(source).then((result) => ({ ...result, at: performance.now() }))));
    if (pending.length >= IN_FLIGHT) await take();
    const { step } = session;
    const due = (every: number) => isDue(every, session);
    const late = performance.now() - savedAt > 1000 * SAVE_SECONDS;
    if (due(cadence.evaluate) || due(cadence.save) || due(cadence.sample) || late || baseUnknown) {
      while (pending.length > 0) await take();
      await clock.pausedFor(async () => {
        if (baseUnknown) await hooks.onBase(await measureBase(input, hooks));
        baseUnknown = false;
        if (due(cadence.evaluate)) await measure(input, hooks);
        if (due(cadence.sample)) await hooks.sample(step);
        // Last, so that a run that continues from this checkpoint has lost nothing that came before it.
        if (!due(cadence.save) && !late) return;
        await hooks.save();
        savedAt = performance.now();
      });
    }
    await yieldToEventLoop();
  }
  while (pending.length > 0) await take();
  return hooks.stopRequest();
}

/** A result and the time when it arrived: two results may be handled together that arrived one after the other. */
type Timed = StepResult & { readonly at: number };

async function measureBase(input: RunInput, hooks: RunHooks): Promise<number | null> {
  return input.heldOut.length === 0 ? null : evaluate(input, hooks, 'base');
}

async function measure(input: RunInput, hooks: RunHooks): Promise<void> {
  if (input.heldOut.length === 0) return;
  await hooks.onEval({ step: input.session.step, loss: await evaluate(input, hooks, 'tuned') });
}

function evaluate({ session, heldOut }: RunInput, hooks: RunHooks, which: 'tuned' | 'base'): Promise<number> {
  const message = which === 'base' ? 'Measuring the base on held-out examples' : 'Measuring on held-out examples';
  const onBatch = (done: number) => hooks.onPhase(message, done, heldOut.length);
  onBatch(0);
  return session.evaluate(heldOut, which, onBatch);
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
  const lap = clock.lap(at);
  return {
    step,
    loss,
    learningRate,
    gradNorm,
    ...(lossScale !== undefined && { lossScale, skipped }),
    tokensPerSecond: tokens / Math.max(lap, 1e-6),
    seconds: clock.seconds,
    epoch: input.epochAt(step),
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
