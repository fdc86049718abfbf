/** One run, from its record to its end: prepares the session, trains, keeps what must not be lost. */

import type { EncodedDataset } from '../batch/types';
import type { RunRecord, RunStore, Snapshot } from '../checkpoint/types';
import { CodedError, codeOf, messageOf } from '../core/errors';
import type { LoadedModel } from './loaded';
import { planBatches, type RunBatches } from './batches';
import { lossesOf } from './losses';
import { forecastMemory, type Machine } from './forecast';
import { promptsOf, sampleCache, SAMPLE_TOKENS, type SamplePrompt } from './prompts';
import { openSession } from './open-session';
import type { NamedAdapter, TrainingPrograms } from './programs';
import type { TrainingSession } from './session';
import { cadenceOf, train, type RunHooks, type StopRequest } from './trainer';
import type { Tiles, Tuner } from './tune';
import type { EvalRow, RunStatus, RunView, SampleRow, StepRow, TrainEvent } from './types';

/** Rows wait this long, in steps, before they are written down; a checkpoint writes them at once. */
const ROWS_AT_ONCE = 50;

export interface RunContext {
  readonly model: LoadedModel;
  readonly machine: Machine;
  readonly store: RunStore;
  /** Unique in the model's graph. */
  readonly valuePrefix: string;
  readonly onEvent: (event: TrainEvent) => void;
  /** Null where nothing is timed. */
  readonly tune: Tuner | null;
  /** Rejects when the device is lost. */
  readonly loss: Promise<CodedError>;
  /** What the device can do at most, f32 operations per second; null where that is not known. */
  readonly peak: Promise<number | null>;
}

const LESS_KEPT = {
  code: 'gpu/memory',
  message:
    'The GPU has less free memory than the forecast counted on. The run keeps less of the forward pass and computes it twice: the same result, a little slower. Closing other programs that use the GPU may help.',
};

const NO_SAMPLES = {
  code: 'gpu/memory',
  message:
    'The GPU has no memory left for sample texts. The training goes on without this one. Closing other programs that use the GPU, or fewer sample prompts, makes room.',
};

const STATUS: Record<StopRequest, RunStatus> = { 'go on': 'finished', pause: 'paused', stop: 'stopped', drop: 'stopped' };

export class Run {
  readonly #context: RunContext;
  readonly #batches: RunBatches;
  readonly #prompts: readonly SamplePrompt[];
  #record: RunRecord;
  #wish: StopRequest = 'go on';
  #steps: StepRow[] = [];
  #session: TrainingSession | null = null;
  #dropped = false;
  adapter: NamedAdapter | null = null;

  constructor(context: RunContext, record: RunRecord, dataset: EncodedDataset) {
    this.#context = context;
    this.#record = record;
    this.#batches = planBatches(dataset, record.recipe, context.model.tokenizer.padId ?? 0, record.numerics ?? 1);
    this.#prompts = promptsOf(record.recipe, dataset, context.model.tokenizer);
  }

  get id(): string {
    return this.#record.id;
  }

  /** The adapter on the device is the one that the newest checkpoint holds. */
  get adapterIsCurrent(): boolean {
    return !this.#dropped;
  }

  /** Follows a change of name made elsewhere. */
  rename(name: string): void {
    this.#record = { ...this.#record, name };
  }

  /** Asks the run to end after the step under way. */
  end(wish: Exclude<StopRequest, 'go on'>): void {
    this.#wish = wish;
  }

  /** Trains from `snapshot`, or from a fresh adapter, to the end or until `end`. */
  async go(snapshot: Snapshot | null, secondsBefore: number): Promise<RunView> {
    try {
      const session = await this.#prepare(snapshot);
      await this.#put({ status: 'running' });
      this.#phase('Training the first step', 0, 0);
      const wish = await this.#train(session, secondsBefore);
      if (wish === 'pause' || wish === 'stop') await this.#save(session);
      if (wish === 'drop') await this.#dropToCheckpoint();
      return await this.#finish(STATUS[wish]);
    } catch (thrown) {
      const error = await lossOr(thrown, this.#context.loss);
      await this.#fail(error);
      throw error;
    } finally {
      this.#session?.dispose();
    }
  }

  async #prepare(snapshot: Snapshot | null): Promise<TrainingSession> {
    const { model, machine, valuePrefix } = this.#context;
    const { recipe, totalSteps } = this.#record;
    const { remat } = forecastMemory(model.config, recipe, (name) => model.graph.named(name).dtype, machine);
    await model.reserve(sampleCache(model.config, recipe));
    const session = await openSession(
      { model, recipe, totalSteps, name: valuePrefix, remat },
      {
        tiles: (programs) => this.#tiles(programs, snapshot),
        onProgress: (done, total) => this.#phase('Compiling kernels', done, total),
        onLess: () => this.#context.onEvent({ type: 'notice', ...LESS_KEPT }),
      },
    );
    if (snapshot !== null) session.restore(snapshot);
    this.#session = session;
    this.adapter = { name: valuePrefix, adapter: session.programs.adapter };
    this.#context.onEvent({ type: 'memory', bytes: model.executor.bytes() });
    void this.#tellWork(session.programs);
    return session;
  }

  async #tellWork({ train, update }: TrainingPrograms): Promise<void> {
    const peak = await this.#context.peak;
    const { gradientAccumulation, microBatch, sequenceLength } = this.#record.recipe;
    const flopsPerToken = (train.flops + update.flops / gradientAccumulation) / (microBatch * sequenceLength);
    if (peak !== null) this.#context.onEvent({ type: 'work', flopsPerToken, peak });
  }

  /** A run keeps the tiles that it began with: others would add in another order, and end with other bytes. */
  async #tiles({ train, evaluate }: TrainingPrograms, snapshot: Snapshot | null): Promise<Tiles> {
    const { tune } = this.#context;
    const { tiles } = this.#record;
    if (tiles !== undefined || snapshot !== null || tune === null) return tiles ?? {};
    this.#phase('Timing kernels on this device', 0, 1);
    const found = await tune([train, evaluate]).catch((error: unknown) => {
      this.#warn(error);
      return {};
    });
    this.#record = { ...this.#record, tiles: found };
    return found;
  }

  async #train(session: TrainingSession, secondsBefore: number): Promise<StopRequest> {
    const { source, heldOut, epochAt } = this.#batches;
    const cadence = cadenceOf(this.#record.recipe, this.#record.totalSteps);
    const hooks: RunHooks = {
      onStep: (row) => this.#addStep(row),
      onEval: (row) => this.#addEval(row),
      onBase: (loss) => this.#addBase(loss),
      save: () => this.#save(session),
      sample: (step) => this.#sample(step),
      onPhase: (message, done, total) => this.#phase(message, done, total),
      stopRequest: () => this.#wish,
    };
    const lost = this.#context.loss.then((error) => Promise.reject(error));
    const baseUnknown = this.#record.baseLoss === null;
    const input = { session, source, heldOut, cadence, epochAt, secondsBefore, baseUnknown };
    return Promise.race([train(input, hooks), lost]);
  }

  #addStep(row: StepRow): void {
    this.#steps.push(row);
    this.#record = { ...this.#record, step: row.step };
    this.#context.onEvent({ type: 'step', ...row });
    if (this.#steps.length >= ROWS_AT_ONCE) void this.#writeSteps().catch((error: unknown) => this.#warn(error));
  }

  async #addBase(loss: number | null): Promise<void> {
    await this.#put({ baseLoss: loss, tunedLoss: loss });
    if (loss !== null) await this.#addEval({ step: 0, loss });
  }

  async #addEval(row: EvalRow): Promise<void> {
    const best = Math.min(row.loss, this.#record.bestLoss ?? Infinity);
    await this.#keep(this.#context.store.appendRows(this.id, 'evals', [row]));
    await this.#put({ tunedLoss: row.loss, bestLoss: best });
    this.#context.onEvent({ type: 'eval', ...row });
  }

  /** A device without room for the samples says so, and the training goes on. */
  async #sample(step: number): Promise<void> {
    const texts = await this.#answers().catch((error: unknown) => {
      if (codeOf(error) !== 'gpu/memory') throw error;
      this.#context.onEvent({ type: 'notice', ...NO_SAMPLES });
      return [];
    });
    for (const [i, text] of texts.entries()) {
      const row: SampleRow = { step, prompt: this.#prompts[i]?.shown ?? '', text };
      await this.#keep(this.#context.store.appendRows(this.id, 'samples', [row]));
      this.#context.onEvent({ type: 'sample', ...row });
    }
  }

  /** What the model says to each prompt now. */
  async #answers(): Promise<readonly string[]> {
    const { seed } = this.#record.recipe;
    const total = this.#prompts.length * SAMPLE_TOKENS;
    let tokens = 0;
    const onToken = () => this.#phase('Writing samples', ++tokens, total);
    if (total > 0) this.#phase('Writing samples', 0, total);
    const rest = { maxTokens: SAMPLE_TOKENS, temperature: 0, topP: 1, seed };
    const answers = await this.#context.model.generateAll(
      this.adapter,
      this.#prompts.map(({ request }) => ({ ...request, ...rest })),
      () => onToken(),
      () => this.#wish !== 'go on',
    );
    return answers.map(({ text }) => text);
  }

  /** A failing store is said, never silent, and never stops the training. */
  async #save(session: TrainingSession): Promise<void> {
    await this.#keep(this.#saveNow(session));
  }

  async #saveNow(session: TrainingSession): Promise<void> {
    this.#phase('Saving a checkpoint', 0, 0);
    const state = await session.snapshot();
    await this.#writeSteps();
    const checkpoint = await this.#context.store.save(this.id, state);
    await this.#put({ step: state.step });
    this.#context.onEvent({ type: 'checkpoint', checkpoint });
  }

  /** Goes back to the newest checkpoint: rows and losses of later steps are deleted. */
  async #dropToCheckpoint(): Promise<void> {
    const { store } = this.#context;
    this.#dropped = true;
    this.#steps = [];
    const { checkpoints } = await store.run(this.id);
    const step = Math.max(0, ...checkpoints.map((checkpoint) => checkpoint.step));
    await store.cutRows(this.id, step);
    this.#record = { ...this.#record, step, ...lossesOf((await store.rows(this.id, 'evals')) as readonly EvalRow[]) };
  }

  async #writeSteps(): Promise<void> {
    const rows = this.#steps;
    this.#steps = [];
    if (rows.length > 0) await this.#context.store.appendRows(this.id, 'steps', rows);
  }

  async #finish(status: RunStatus): Promise<RunView> {
    await this.#keep(this.#writeSteps());
    await this.#put({ status: status === 'interrupted' ? 'running' : status });
    const run = await this.#view();
    this.#context.onEvent({ type: 'status', status, run });
    return run;
  }

  /** A lost device leaves the run as it is: it will go on. */
  async #fail(error: unknown): Promise<void> {
    if (codeOf(error) === 'gpu/lost') return;
    await this.#keep(this.#writeSteps());
    await this.#put({ status: 'failed' });
  }

  async #put(change: Partial<RunRecord>): Promise<void> {
    this.#record = { ...this.#record, ...change, updatedAt: Date.now() };
    await this.#keep(this.#context.store.putRun(this.#record));
    if (change.status === 'running') this.#context.onEvent({ type: 'status', status: 'running', run: await this.#view() });
  }

  async #view(): Promise<RunView> {
    const stored = await this.#context.store.run(this.id).catch(() => null);
    const { layers, ...record } = this.#record;
    return { ...record, checkpoints: stored?.checkpoints ?? [] };
  }

  async #keep(writing: Promise<unknown>): Promise<void> {
    await writing.catch((error: unknown) => this.#warn(error));
  }

  #warn(error: unknown): void {
    this.#context.onEvent({ type: 'notice', code: codeOf(error), message: messageOf(error) });
  }

  #phase(message: string, done: number, total: number): void {
    this.#context.onEvent({ type: 'phase', message, done, total });
  }
}

/** When the device goes, reading back fails first and the loss is reported a moment later: the loss is what happened. */
async function lossOr(error: unknown, loss: Promise<CodedError>): Promise<unknown> {
  if (error instanceof CodedError) return error;
  const soon = new Promise<unknown>((resolve) => setTimeout(() => resolve(error), 250));
  return Promise.race([loss, soon]);
}
