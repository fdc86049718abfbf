/** The loop of a run: steps, held-out measurements, samples and checkpoints at their times, and how it ends. */

import { CodedError } from '../core/errors';
import { yieldToEventLoop } from '../core/event-loop';
import type { Recipe } from '../recipe/recipe';
import type { BatchSource, HeldOut, StepResult, TrainingSession } from './session';
import type { EvalRow, StepRow } from './types';

/** Updates queued ahead of the device: one runs while the next is encoded. */
const IN_FLIGHT = 2;
/** A checkpoint is made at the latest after this long, whatever the recipe says: what a crash can cost. */
const SAVE_SECONDS = 60;

/** Steps between things that happen now and then. */
export interface Cadence {
  readonly evaluate: number;
  readonly save: number;
  readonly sample: number;
}

/** What the recipe says, or about ten times a run where it leaves the choice. */
export function cadenceOf(recipe: Pick<Recipe, 'evalEvery' | 'saveEvery' | 'sampleEvery'>, totalSteps: number): Cadence {
  const evaluate = recipe.evalEvery || Math.max(1, Math.ceil(totalSteps / 10));
  return { evaluate, save: recipe.saveEvery || evaluate, sample: recipe.sampleEvery || evaluate };
}

export type StopRequest = 'go on' | 'pause' | 'stop' | 'drop';

export interface RunInput {
  readonly session: Pick<TrainingSession, 'step' | 'totalSteps' | 'advance' | 'evaluate'>;
  readonly source: BatchSource;
  readonly heldOut: HeldOut;
  readonly cadence: Cadence;
  /** Epochs done after `step` updates. */
  readonly epochAt: (step: number) => number;
  /** Seconds of training before this session. */
  readonly secondsBefore: number;
  /** The base model's held-out loss is not known yet. It is measured after the first step, which nobody should wait for. */
  readonly baseUnknown: boolean;
}

export interface RunHooks {
  onStep(row: StepRow): void;
  onEval(row: EvalRow): Promise<void>;
  /** The base's held-out loss; null when nothing is held out. Comes before any checkpoint. */
  onBase(loss: number | null): Promise<void>;
  /** Makes a checkpoint of the session as it stands. */
  save(): Promise<void>;
  sample(step: number): Promise<void>;
  /** Called before and during everything other than steps; `total` 0 when `done` is not counted. */
  onPhase(message: string, done: number, total: number): void;
  /** Asked after every step. */
  stopRequest(): StopRequest;
}

/**
 * Trains until the last step, or until the user wishes otherwise. Throws `train/diverged` when the loss is no number, or the
 * gradient norm is none that a smaller loss scale would cure.
 */
export async function train(input: RunInput, hooks: RunHooks): Promise<StopRequest> {
  const { session, source, cadence } = input;
  const clock = new Clock(input.secondsBefore);
  const pending: Promise<Timed>[] = [];
  const take = async () => {
    const result = await pending.shift();
    if (result !== undefined) hooks.onStep(rowOf(result, clock, input));
  };
  let savedAt = performance.now();
  let { baseUnknown } = input;
  while (session.step < session.totalSteps && hooks.stopRequest() === 'go on') {
    pending.push(session.advance(source).then((result) => ({ ...result, at: performance.now() })));
    if (pending.length >= IN_FLIGHT) await take();
    const { step } = session;
    const due = (every: number) => step % every === 0 || step === session.totalSteps;
    const late = performance.now() - savedAt > 1000 * SAVE_SECONDS;
    if (due(cadence.evaluate) || due(cadence.save) || due(cadence.sample) || late || baseUnknown) {
      while (pending.length > 0) await take();
      clock.pause();
      if (baseUnknown) await hooks.onBase(await measureBase(input, hooks));
      baseUnknown = false;
      if (due(cadence.evaluate)) await measure(input, hooks);
      if (due(cadence.sample)) await hooks.sample(step);
      // Last, so that a run which goes on from this checkpoint has lost nothing that came before it.
      if (due(cadence.save) || late) {
        await hooks.save();
        savedAt = performance.now();
      }
      clock.go();
    }
    await yieldToEventLoop();
  }
  while (pending.length > 0) await take();
  return hooks.stopRequest();
}

/** A result and when it was there: two may be taken at once, but they did not come at once. */
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

/** A gradient that overflowed under a loss scale that can be lowered yet: the update was skipped, and the next is smaller. */
function isSkipped({ loss, gradNorm, lossScale = 1 }: StepResult): boolean {
  return Number.isFinite(loss) && !Number.isFinite(gradNorm) && lossScale > 1;
}

function diverged({ step, loss, gradNorm, learningRate, lossScale }: StepResult): CodedError {
  const halves = lossScale === undefined ? '' : ' Try it with activations in 32 bits first: 16 bits overflow sooner. Else:';
  return new CodedError(
    'train/diverged',
    `At step ${step} the loss was ${loss} and the gradient norm ${gradNorm}: training diverged.${halves} Lower the learning rate (it was ${learningRate.toPrecision(2)}) or raise the warm-up, and start again; the checkpoints before this step are kept.`,
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

/** Counts time spent in steps only. */
class Clock {
  #mark = performance.now();
  #paused = 0;

  constructor(public seconds: number) {}

  /** Seconds from the last lap to `at`, pauses left out. */
  lap(at: number): number {
    const lap = (at - this.#mark) / 1000;
    this.#mark = at;
    this.seconds += lap;
    return lap;
  }

  pause(): void {
    this.#paused = performance.now();
  }

  go(): void {
    this.#mark += performance.now() - this.#paused;
  }
}
