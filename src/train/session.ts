/**
 * A training session: the compiled programs of a run and its state on the device. Each step is a pure function of (recipe, data, step)
 * and of the state, so a session restored from a snapshot continues with the same bytes as one that was never interrupted.
 */

import type { Batch } from '../batch/types';
import { internal } from '../core/errors';
import { handled } from '../core/promises';
import { sizeOf } from '../core/shape';
import type { Compiled, Executor, HostArray } from '../graph/executor';
import type { Plan } from '../graph/plan';
import { learningRateAt } from '../optim/schedule';
import { hyperAt } from '../optim/adamw';
import type { ModelConfig } from '../model/config';
import { initialValues, tensorsOf, vectorOf, type NamedTensor } from '../method/parameters';
import { rotaryData } from '../model/rotary';
import type { Recipe } from '../recipe/recipe';
import { FIRST_SCALE, type LossScale } from '../../kernels/lossscale';
import type { Value } from '../../kernels/op';
import { BatchWriter, countOf } from './batch-writer';
import { asFloats, evaluateBatches, lossOf, type BatchLosses, type Losses } from './evaluate';
import { NoiseWriter } from './noise';
import type { TrainingPrograms } from './programs';
import type { Tiles } from './tune';

/** Micro-batch `index` of the run, counted over all epochs. Its arrays may be reused for the micro-batches of the next step. */
export interface BatchSource {
  batch(index: number): Batch;
}

/** The micro-batches of an update, however many. */
export interface StepBatches {
  readonly batches: readonly Batch[];
}

/** The state from which a run continues exactly. */
export interface SessionState {
  /** Completed updates. */
  readonly step: number;
  /** The parameters, f32, flat, in their layout; and AdamW's moments of those that are trained, which come first. */
  readonly parameters: Float32Array<ArrayBuffer>;
  readonly m: Float32Array<ArrayBuffer>;
  readonly v: Float32Array<ArrayBuffer>;
  /** The average of the parameters, in their layout; only where one is kept. */
  readonly ema?: Float32Array<ArrayBuffer>;
  /** [loss scale, steps without overflow since it changed]; only with f16 activations. */
  readonly scaling?: Float32Array<ArrayBuffer>;
}

export interface StepResult extends Losses {
  /** Counted from 1. */
  readonly step: number;
  /** Divided by the loss scale. Not finite in a step that was skipped: it changed neither adapter nor moments. */
  readonly gradNorm: number;
  /** The loss scale of this step; only with f16 activations. */
  readonly lossScale?: number;
  readonly learningRate: number;
  /** Tokens of the step's micro-batches, without padding. */
  readonly tokens: number;
}

/** Held-out batches; a measurement is the mean over the counted tokens of all of them. */
export type HeldOut = readonly Batch[];

interface CompiledPrograms {
  readonly train: Compiled;
  readonly update: Compiled;
  readonly evaluate: Compiled;
  readonly evaluateBase: Compiled | null;
}

export class TrainingSession {
  readonly #compiled: CompiledPrograms;
  /** Host arrays that every step reuses, so that it leaves no garbage: `write` copies before it returns. */
  readonly #seed = new Int32Array(2);
  readonly #hyper: Float32Array<ArrayBuffer>;
  readonly #writer: BatchWriter;
  readonly #noise: NoiseWriter | null;
  readonly #micro: Batch[] = [];
  #step = 0;

  private constructor(
    readonly executor: Executor,
    readonly programs: TrainingPrograms,
    readonly recipe: Recipe,
    readonly totalSteps: number,
    config: ModelConfig,
    compiled: CompiledPrograms,
  ) {
    this.#compiled = compiled;
    this.#hyper = new Float32Array(8 * programs.tuning.parameters.groups.length);
    this.#writer = new BatchWriter(executor, programs.batch, config.firstPosition);
    this.#noise = programs.noise && new NoiseWriter(executor, programs.noise, config, recipe);
  }

  /**
   * Compiles the programs, writes the teacher's weights and initialises the state. `onProgress` counts pipelines. When it throws,
   * everything is released.
   */
  static async open(
    executor: Executor,
    config: ModelConfig,
    programs: TrainingPrograms,
    recipe: Recipe,
    totalSteps: number,
    onProgress: (done: number, total: number) => void = () => undefined,
    tiles: Tiles = {},
  ): Promise<TrainingSession> {
    const compiled = await compileAll(executor, programs, onProgress, (product) => tiles[product]).catch((error: unknown) => {
      release(executor, programs);
      throw error;
    });
    const session = new TrainingSession(executor, programs, recipe, totalSteps, config, compiled);
    try {
      await session.#initialise(config);
      return session;
    } catch (error) {
      session.dispose();
      throw error;
    }
  }

  /** Writes what the programs declare. */
  async #initialise(config: ModelConfig): Promise<void> {
    const { executor, programs, recipe } = this;
    const models = [{ graph: programs.scope, config }, ...(programs.teacher === null ? [] : [programs.teacher])];
    const tables = models.flatMap((model) => rotaryData(model.graph, model.config, recipe.sequenceLength));
    for (const [value, data] of [...tables, ...programs.constants]) executor.write(value, data);
    await programs.teacher?.write(executor);
    if (programs.startIds !== null && !programs.constants.has(programs.startIds)) throw internal('a start without its tokens');
    if (programs.scaling === null) executor.write(programs.lossScale, Float32Array.of(1));
    this.restore({ step: 0, ...freshState(programs, recipe) });
    await runOnce(executor, programs.start);
    await executor.granted();
  }

  /** Queued updates. */
  get step(): number {
    return this.#step;
  }

  /**
   * Queues one update: forward and backward of its micro-batches, `gradientAccumulation` of a source, then AdamW. Returns before the
   * device has executed it; the promise resolves with its loss and gradient norm.
   */
  advance(source: BatchSource | StepBatches): Promise<StepResult> {
    const { executor, programs, recipe } = this;
    const step = this.#step++;
    const first = step * recipe.gradientAccumulation;
    const micro = 'batches' in source ? source.batches : this.#batchesOf(source, first);
    let [counted, tokens] = [0, 0];
    for (const batch of micro) {
      counted += countOf(batch);
      tokens += batch.tokens;
    }
    const runs: Promise<readonly HostArray[]>[] = [];
    micro.forEach((batch, i) => {
      this.#seed[0] = recipe.seed;
      this.#seed[1] = first + i;
      executor.write(programs.seed, this.#seed);
      this.#writer.write(batch, counted);
      this.#noise?.write(batch, first + i);
      runs.push(handled(executor.run(this.#compiled.train)));
    });
    const learningRate = learningRateAt(recipe, step, this.totalSteps);
    const { groups } = programs.tuning.parameters;
    executor.write(programs.optimizer.hyper, hyperAt(recipe, groups, step, learningRate, this.#hyper));
    runs.push(handled(executor.run(this.#compiled.update)));
    return resultOf(runs, programs.figures, { step: step + 1, learningRate, tokens });
  }

  #batchesOf(source: BatchSource, first: number): readonly Batch[] {
    for (let i = 0; i < this.recipe.gradientAccumulation; i++) this.#micro[i] = source.batch(first + i);
    return this.#micro;
  }

  /**
   * Mean loss over what `heldOut` counts (see `countOf`) with the objective's figures, with what is trained or of the base alone.
   * `onBatch` gets the number of batches done.
   */
  async measure(
    heldOut: HeldOut,
    which: 'tuned' | 'base',
    onBatch: (done: number) => void = () => undefined,
  ): Promise<BatchLosses> {
    const compiled = which === 'tuned' ? this.#compiled.evaluate : this.#compiled.evaluateBase;
    if (compiled === null) throw internal('the base has no classifier to be measured');
    const { executor, programs } = this;
    return evaluateBatches({ executor, writer: this.#writer, compiled, figures: programs.measured[which] }, heldOut, onBatch);
  }

  async snapshot(): Promise<SessionState> {
    const { tuning, averaged, optimizer, scaling } = this.programs;
    const read = async (value: Value) => asFloats(await this.executor.read(value));
    const flat = {
      ...{ parameters: await read(tuning.parameters.flat), m: await read(optimizer.m), v: await read(optimizer.v) },
      ...(averaged !== null && { ema: await read(averaged.parameters.flat) }),
    };
    if (scaling === null) return { step: this.#step, ...flat };
    const [scale, good] = [await read(scaling.scale), await read(scaling.good)];
    return { step: this.#step, ...flat, scaling: Float32Array.of(...scale, ...good) };
  }

  restore(state: SessionState): void {
    const { tuning, averaged, optimizer, gradients, scaling } = this.programs;
    if (scaling !== null) writeScaling(this.executor, scaling, state);
    this.#step = state.step;
    this.executor.write(tuning.parameters.flat, state.parameters);
    if (averaged !== null) this.executor.write(averaged.parameters.flat, state.ema ?? missingAverage(state));
    this.executor.write(optimizer.m, state.m);
    this.executor.write(optimizer.v, state.v);
    this.executor.write(gradients.flat, new Float32Array(state.m.length));
  }

  /** Gives some parameters other numbers; the rest of the state stays as it is. */
  async set(tensors: readonly NamedTensor[]): Promise<void> {
    const { parameters } = this.programs.tuning;
    const state = await this.snapshot();
    const given = new Map(tensors.map((tensor) => [tensor.name, tensor]));
    const withGiven = (vector: Float32Array<ArrayBuffer>) =>
      vectorOf(
        parameters,
        tensorsOf(parameters, vector).map((tensor) => given.get(tensor.name) ?? tensor),
      );
    const { ema } = state;
    this.restore({ ...state, parameters: withGiven(state.parameters), ...(ema && { ema: withGiven(ema) }) });
  }

  /** Frees the programs and every value that they declared, the adapter included. */
  dispose(): void {
    for (const compiled of Object.values(this.#compiled) as (Compiled | null)[]) compiled?.dispose();
    release(this.executor, this.programs);
  }
}

/**
 * `runs`: one per micro-batch, whose outputs are its loss and the figures; then the update, whose outputs are the gradient norm and
 * the loss scale, if any.
 */
async function resultOf(
  runs: readonly Promise<readonly HostArray[]>[],
  figures: readonly string[],
  known: Pick<StepResult, 'step' | 'learningRate' | 'tokens'>,
): Promise<StepResult> {
  const outputs = await Promise.all(runs);
  const [norm, scale] = outputs.at(-1) ?? [];
  return {
    ...known,
    ...lossOf(outputs.slice(0, -1), figures),
    gradNorm: norm?.[0] ?? NaN,
    ...(scale !== undefined && { lossScale: scale[0] ?? NaN }),
  };
}

/** Compiles all programs; when one fails, the others are disposed. */
async function compileAll(
  executor: Executor,
  { train, update, evaluate, evaluateBase }: TrainingPrograms,
  onProgress: (done: number, total: number) => void,
  tiles: (product: string) => string | undefined,
): Promise<CompiledPrograms> {
  const counts = new Map<Plan, readonly [number, number]>();
  const sum = (i: 0 | 1) => [...counts.values()].reduce((all, count) => all + count[i], 0);
  const compile = (plan: Plan) => {
    const report = (done: number, total: number) => {
      counts.set(plan, [done, total]);
      onProgress(sum(0), sum(1));
    };
    return executor.compile(plan, report, tiles);
  };
  const compileIf = (plan: Plan | null) => (plan === null ? Promise.resolve(null) : compile(plan));
  // The largest first: smaller ones then share its buffers.
  const compiling = [compile(train), compile(update), compile(evaluate), compileIf(evaluateBase)] as const;
  try {
    const [first, second, third, fourth] = await Promise.all(compiling);
    return { train: first, update: second, evaluate: third, evaluateBase: fourth };
  } catch (error) {
    for (const result of await Promise.allSettled(compiling)) if (result.status === 'fulfilled') result.value?.dispose();
    throw error;
  }
}

async function runOnce(executor: Executor, plan: Plan | null): Promise<void> {
  if (plan === null) return;
  const compiled = await executor.compile(plan);
  try {
    await executor.run(compiled);
  } finally {
    compiled.dispose();
  }
}

function writeScaling(executor: Executor, { scale, good }: LossScale, { step, scaling }: SessionState): void {
  if (scaling?.length !== 2) throw internal(`the state at step ${step} has no loss scale`);
  executor.write(scale, scaling.slice(0, 1));
  executor.write(good, scaling.slice(1));
}

function missingAverage({ step }: SessionState): never {
  throw internal(`the state at step ${step} has no average of the parameters`);
}

function release(executor: Executor, { scope, teacher }: TrainingPrograms): void {
  for (const value of [...scope.declared(), ...(teacher?.graph.declared() ?? [])]) executor.release(value);
}

function freshState({ tuning, averaged, scaling }: TrainingPrograms, recipe: Recipe): Omit<SessionState, 'step'> {
  const moments = () => new Float32Array(sizeOf(tuning.parameters.trained.flat.shape));
  const parameters = initialValues(tuning.parameters, recipe.seed);
  const flat = { parameters, m: moments(), v: moments(), ...(averaged !== null && { ema: parameters }) };
  return scaling === null ? flat : { ...flat, scaling: Float32Array.of(FIRST_SCALE, 0) };
}
