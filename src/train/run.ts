/** A run on the device: opens the session, trains, samples, saves checkpoints, and releases everything at the end. */

import type { Slots } from '../batch/slots';
import type { Batch, EncodedDataset } from '../batch/types';
import { BEFORE_ALL, type DifficultyRow, type RunRecord, type RunStore, type Snapshot } from '../checkpoint/types';
import type { Tuning } from '../method/method';
import { inLayout, type Parameters } from '../method/parameters';
import { CodedError, codeOf, messageOf } from '../core/errors';
import type { Pace } from '../graph/pace';
import type { LoadProgress } from '../model/types';
import type { LoadedModel } from './loaded';
import { baseLosses } from './base-losses';
import { planBatches, type RunBatches } from './batches';
import { cadenceOf, isDue } from './cadence';
import { factoredTensors } from './factored-start';
import { forecastMemory } from './forecast';
import { jobOf, slotsOf, startedFrom, writesText, type Job } from './job';
import { stopReason, type StopReason } from './jobs';
import { promptsOf, sampleCache, SAMPLE_TOKENS, type SamplePrompt } from './prompts';
import { openSession } from './open-session';
import type { TrainingPrograms } from './programs';
import { reportsOf } from './reports';
import { checkedTeacher, expectedTeacher, type FoundTeacher } from './teacher';
import type { RunRecorder } from './recorder';
import type { TrainingSession } from './session';
import { costsOf, Timetable, type Costs } from './timetable';
import { openJudges, parameterBytes, type Judges, type StoredJudge } from './judges';
import { examine, longestDocument, type Write } from './rewarding';
import { Rollouts } from './rollouts';
import { train, type Exam, type RunHooks } from './trainer';
import type { Tiles, Tuner } from './tune';
import type { RunView } from './types';

export interface RunContext {
  readonly model: LoadedModel;
  readonly store: RunStore;
  readonly recorder: RunRecorder;
  /** Null where kernels are not timed. */
  readonly tune: Tuner | null;
  /** Of the device; null where it was not measured. */
  readonly pace: Pace | null;
  /** Of the run's job; read after every step and before anything that takes long. */
  readonly signal: AbortSignal;
  /** Of an objective that learns from one. */
  readonly teacher: FoundTeacher | null;
  /** Of rewards that models give; see `storedJudges`. */
  readonly judges: ReadonlyMap<string, StoredJudge>;
}

const LESS_MEMORY = {
  code: 'gpu/memory',
  message:
    'The GPU has less free memory than the forecast assumed. The run keeps fewer activations and recomputes them in the backward pass: the same result, a little slower. Closing other programs that use the GPU may help.',
};

const NO_SAMPLES = {
  code: 'gpu/memory',
  message:
    'The GPU has no memory for sample texts. The training continues without the samples of this step. Close other programs that use the GPU, or use fewer sample prompts.',
};

interface Prepared {
  readonly session: TrainingSession;
  readonly costs: Costs;
  /** The first state is another run's. */
  readonly startsFromAnother: boolean;
}

/** How a run ends that was asked to. */
export const STATUS = { pause: 'paused', stop: 'stopped', drop: 'stopped', cancel: 'paused' } as const satisfies Record<
  StopReason,
  string
>;

export class Run {
  readonly #context: RunContext;
  readonly #job: Job;
  readonly #dataset: EncodedDataset;
  readonly #slots: Slots | undefined;
  #batches: RunBatches;
  readonly #prompts: readonly SamplePrompt[];
  #session: TrainingSession | null = null;
  /** On the device, of rewards that models give; null without any. */
  #judges: Judges | null = null;
  /** Step of the newest checkpoint; 0 before the first. */
  #savedStep = 0;

  constructor(context: RunContext, dataset: EncodedDataset) {
    const { record } = context.recorder;
    const { tokenizer, config } = context.model;
    const slots = slotsOf(dataset, record.recipe, config);
    [this.#context, this.#dataset, this.#slots] = [context, dataset, slots];
    const job = jobOf(record.recipe, slots, config, expectedTeacher(context.teacher, context.model.executor.kind));
    const judgeBytes = [...context.judges.values()].reduce((sum, { parameters }) => sum + parameterBytes(parameters), 0);
    this.#job = { ...startedFrom(job, record.recipe, context.model), judgeBytes };
    this.#batches = this.#plan();
    this.#prompts = writesText(this.#job) ? promptsOf(record, dataset, tokenizer) : [];
  }

  /** What is in training, to answer with; null before the session is open, after the run, and for a classifier. */
  get tuning(): Tuning | null {
    const { averaged, tuning } = this.#session?.programs ?? {};
    return writesText(this.#job) ? (averaged ?? tuning ?? null) : null;
  }

  /**
   * Trains from `snapshot`, or from a fresh adapter, to the last step or until a stop is requested. Throws `gpu/lost`, from which the
   * run can continue on a new device; after any other error the run has failed.
   */
  async go(snapshot: Snapshot | null, secondsBefore: number): Promise<RunView> {
    const { model, recorder } = this.#context;
    try {
      const reason = await model.engine.loss.guard(this.#work(snapshot, secondsBefore).catch(this.#reasonOf));
      return await (reason === null ? recorder.finish('finished', recorder.earlyStop()) : recorder.finish(STATUS[reason]));
    } catch (error) {
      if (codeOf(error) !== 'gpu/lost') await recorder.fail();
      throw error;
    } finally {
      await this.#dispose();
    }
  }

  /** The stop reason where that is what `error` is: whatever was prepared when the request came throws it. */
  readonly #reasonOf = (error: unknown): StopReason => {
    const reason = stopReason(this.#context.signal);
    if (reason === null || error !== reason) throw error;
    return reason;
  };

  async #work(snapshot: Snapshot | null, secondsBefore: number): Promise<StopReason | null> {
    const { recorder, signal } = this.#context;
    if (recorder.record.recipe.order === 'easy-first') this.#batches = this.#plan(await this.#difficulty());
    const prepared = await this.#prepare(snapshot);
    const { session } = prepared;
    await recorder.start();
    recorder.phase('Training the first step', 0, 0);
    this.#savedStep = session.step;
    const reason = stopReason(signal) ?? (await this.#train(session, prepared, secondsBefore).catch(this.#pauseAt));
    const early = reason === null && session.step < session.totalSteps;
    const ended = early || reason === 'pause' || reason === 'stop';
    if (ended && session.step !== this.#savedStep) await this.#save(session);
    if (reason === 'drop' || reason === 'cancel') await recorder.rollBack();
    return reason;
  }

  #plan(difficulty?: Float32Array): RunBatches {
    const { recorder, model } = this.#context;
    const { recipe, numerics = 1 } = recorder.record;
    return planBatches(this.#dataset, recipe, model.tokenizer.padId, this.#slots, numerics, difficulty);
  }

  /** The base's losses, which are read once and kept: other kernels would sum in another order. */
  async #difficulty(): Promise<Float32Array> {
    const { store, recorder, model, signal } = this.#context;
    const { id, recipe } = recorder.record;
    const [known] = (await store.rows(id, 'difficulties')) as readonly DifficultyRow[];
    if (known !== undefined) return known.losses;
    const message = 'Reading the examples with the base, to begin with the easy ones';
    const onProgress = (done: number, total: number) => recorder.phase(message, done, total);
    const losses = await baseLosses(model, recipe, this.#dataset.train, { onProgress, signal });
    const row: DifficultyRow = { step: BEFORE_ALL, losses };
    await store.appendRows(id, 'difficulties', [row]);
    return losses;
  }

  /** An answer that the user's own reward can't score pauses the run, and nothing is lost. */
  readonly #pauseAt = (error: unknown): StopReason => {
    if (codeOf(error) !== 'reward/code') throw error;
    const next = 'This run keeps its recipe, so start a new one then. It can start from what this run has learnt.';
    this.#context.recorder.notice(new CodedError('reward/code', `${messageOf(error)} ${next}`));
    return 'pause';
  };

  async #prepare(snapshot: Snapshot | null): Promise<Prepared> {
    const { model, recorder, signal } = this.#context;
    const { recipe, totalSteps } = recorder.record;
    const job = await this.#checkedJob();
    const { machine } = model.engine;
    const { remat, efforts } = forecastMemory(model.config, recipe, (name) => model.graph.named(name).dtype, machine, job);
    await model.reserve(writesText(job) ? sampleCache(model.config, recipe) : null);
    const session = await openSession(
      { model, recipe, job, totalSteps, remat },
      {
        tiles: (programs) => this.#tiles(programs, snapshot),
        onProgress: (done, total) => {
          signal.throwIfAborted();
          recorder.phase('Compiling kernels', done, total);
        },
        onLess: () => recorder.emit({ type: 'notice', ...LESS_MEMORY }),
      },
    );
    this.#session = session;
    this.#judges = this.#openJudges();
    if (snapshot === null) await this.#startFactors(session);
    else session.restore(stateOf(snapshot, recorder.record, session.programs.tuning.parameters));
    recorder.emit({ type: 'memory', bytes: model.executor.bytes() });
    void this.#reportWork(session.programs);
    const costs = costsOf(efforts, recipe, this.#batches.heldOut.length);
    return { session, costs, startsFromAnother: snapshot?.step === 0 };
  }

  #openJudges(): Judges | null {
    const { model, judges } = this.#context;
    const { prompts } = this.#batches;
    if (judges.size === 0 || prompts === null) return null;
    return openJudges(model, judges, longestDocument([...prompts.train, ...prompts.heldOut]));
  }

  /** Parameters that start as factors of weights are zeros until now. */
  async #startFactors(session: TrainingSession): Promise<void> {
    const { model, recorder, signal } = this.#context;
    const { parameters } = session.programs.tuning;
    const onProgress = (done: number, total: number) => recorder.phase('Decomposing the weights', done, total);
    const read = (name: string) => model.readWeight(name);
    const tensors = await factoredTensors(model.config, recorder.record.recipe, parameters.all, read, { onProgress, signal });
    if (tensors.length > 0) await session.set(tensors);
  }

  /** The job with a teacher whose weights were checked. */
  async #checkedJob(): Promise<Job> {
    const { model, recorder, signal, teacher } = this.#context;
    if (teacher === null) return this.#job;
    const message = `Loading the teacher, ${teacher.folder.view.name}`;
    const onProgress = ({ done, total }: LoadProgress) => recorder.phase(message, done, total);
    return { ...this.#job, teacher: await checkedTeacher(teacher, model.executor.kind, { onProgress, signal }) };
  }

  async #reportWork({ train, update }: TrainingPrograms): Promise<void> {
    const { model, recorder } = this.#context;
    const peak = await model.engine.peak();
    const { gradientAccumulation, microBatch, sequenceLength } = recorder.record.recipe;
    const flopsPerToken = (train.flops + update.flops / gradientAccumulation) / (microBatch * sequenceLength);
    if (peak !== null) recorder.emit({ type: 'work', flopsPerToken, peak });
  }

  /** A run keeps its first tiles: others would sum in another order, and the run would end with other bytes. */
  async #tiles({ train, evaluate }: TrainingPrograms, snapshot: Snapshot | null): Promise<Tiles> {
    const { tune, recorder } = this.#context;
    const { tiles } = recorder.record;
    if (tiles !== undefined || snapshot !== null || tune === null) return tiles ?? {};
    recorder.phase('Timing kernels on this device', 0, 1);
    const found = await tune([train, evaluate]).catch((error: unknown) => {
      recorder.notice(error);
      return {};
    });
    await recorder.update({ tiles: found });
    return found;
  }

  async #train(
    session: TrainingSession,
    { costs, startsFromAnother }: Prepared,
    secondsBefore: number,
  ): Promise<StopReason | null> {
    const { recorder, signal, pace } = this.#context;
    const { heldOut, epochAt } = this.#batches;
    const rollouts = this.#rollouts(session);
    const source = rollouts ?? this.#batches.source;
    const { recipe, totalSteps, baseLoss, tunedLoss } = recorder.record;
    const hooks: RunHooks = {
      onStep: (row) => recorder.addStep(row),
      onEval: (row) => recorder.addEval(row),
      onBase: (measured) => recorder.addBase(measured),
      save: () => this.#save(session),
      sample: (step) => this.#sample(step),
      onPhase: (message, done, total) => recorder.phase(message, done, total),
      isBest: () => recorder.isBestAt(session.step),
      enough: () => recorder.earlyStop() !== null,
      signal,
    };
    const cadence = cadenceOf(recipe, totalSteps);
    const samplesMissing = isDue(cadence.sample, session) && !(await this.#hasSamples(session.step));
    const baseUnknown = baseLoss === null && session.programs.evaluateBase !== null;
    const startUnknown = startsFromAnother && session.step === 0 && tunedLoss === null;
    const reports = reportsOf(this.#job, heldOut);
    const timetable = new Timetable(costs, cadence, totalSteps, baseUnknown, pace);
    return train(
      {
        ...{ session, source, heldOut, reports, cadence, timetable, epochAt, secondsBefore },
        ...(rollouts && { exam: this.#exam() }),
        ...{ baseUnknown, startUnknown, samplesMissing },
      },
      hooks,
    );
  }

  /** What the model learns from where it writes that itself; else null. */
  #rollouts(session: TrainingSession): Rollouts | null {
    const { recipe } = this.#context.recorder.record;
    const { prompts } = this.#batches;
    if (prompts === null || !('rewards' in recipe.objective)) return null;
    const score = async (batches: readonly Batch[], which: 'tuned' | 'base') => (await session.measure(batches, which)).figures;
    const { tokenizer } = this.#context.model;
    const known = { recipe, settings: recipe.objective, prompts, tokenizer, judges: this.#judges };
    return new Rollouts({ ...known, score, write: this.#writer('tuned') });
  }

  #exam(): Exam {
    const { recipe } = this.#context.recorder.record;
    const { tokenizer } = this.#context.model;
    const { prompts } = this.#batches;
    return async (which, message) =>
      prompts === null || !('rewards' in recipe.objective)
        ? null
        : examine(
            { recipe, settings: recipe.objective, tokenizer, judges: this.#judges },
            prompts.heldOut,
            this.#writer(which),
            message,
          );
  }

  #writer(which: 'tuned' | 'base'): Write {
    const { model, recorder, signal } = this.#context;
    return (requests, message) => {
      const total = requests.reduce((sum, { maxTokens }) => sum + maxTokens, 0);
      let tokens = 0;
      const onText = () => recorder.phase(message, ++tokens, total);
      onText();
      return model.generateAll(
        () => Promise.resolve(which === 'base' ? null : this.tuning),
        requests,
        onText,
        () => signal.aborted,
      );
    };
  }

  async #hasSamples(step: number): Promise<boolean> {
    const { store, recorder } = this.#context;
    const rows = await store.rows(recorder.record.id, 'samples').catch(() => []);
    return rows.some((row) => row.step === step);
  }

  /** Without memory for the samples the training continues, with a notice. Samples that a stop request cut short are not stored. */
  async #sample(step: number): Promise<void> {
    if (this.#prompts.length === 0) return;
    const { recorder } = this.#context;
    const texts = await this.#answers().catch((error: unknown) => {
      if (codeOf(error) !== 'gpu/memory') throw error;
      recorder.emit({ type: 'notice', ...NO_SAMPLES });
      return null;
    });
    if (texts === null) return;
    await recorder.addSamples(texts.map((text, i) => ({ step, prompt: this.#prompts[i]?.shown ?? '', text })));
  }

  /** The model's answer to each prompt; null when a stop request cut one short. */
  async #answers(): Promise<readonly string[] | null> {
    const { model, recorder, signal } = this.#context;
    const { seed } = recorder.record.recipe;
    const requests = this.#prompts.map(({ request }) => ({
      ...request,
      ...{ maxTokens: SAMPLE_TOKENS, temperature: 0, topP: 1, seed },
    }));
    const total = requests.length * SAMPLE_TOKENS;
    let tokens = 0;
    recorder.phase('Writing samples', 0, total);
    const onText = () => recorder.phase('Writing samples', ++tokens, total);
    const source = () => Promise.resolve(this.tuning);
    const answers = await model.generateAll(source, requests, onText, () => signal.aborted);
    return answers.some(({ stopped }) => stopped === 'cancelled') ? null : answers.map(({ text }) => text);
  }

  /** A checkpoint that cannot be read or stored is reported, and the training continues. */
  async #save(session: TrainingSession): Promise<void> {
    const { model, recorder } = this.#context;
    recorder.phase('Saving a checkpoint', 0, 0);
    try {
      const state = await model.engine.loss.guard(session.snapshot());
      await recorder.save(state);
      this.#savedStep = state.step;
    } catch (error) {
      if (codeOf(error) === 'gpu/lost') throw error;
      recorder.notice(error);
    }
  }

  async #dispose(): Promise<void> {
    const [session, judges] = [this.#session, this.#judges];
    this.#session = this.#judges = null;
    await judges?.dispose();
    if (session !== null) await this.#context.model.withdraw(session.programs.tuning, () => session.dispose());
  }
}

/** The state of a checkpoint in the layout of this version, which may be another than that of the version that started the run. */
function stateOf(snapshot: Snapshot, record: RunRecord, parameters: Parameters): Snapshot {
  const laidOut = (vector: Float32Array<ArrayBuffer>, of: Parameters | Parameters['trained'] = parameters.trained) =>
    inLayout(of, record.parameters, vector);
  const { ema } = snapshot;
  return {
    ...snapshot,
    ...{ parameters: laidOut(snapshot.parameters, parameters), m: laidOut(snapshot.m), v: laidOut(snapshot.v) },
    ...(ema && { ema: laidOut(ema, parameters) }),
  };
}
