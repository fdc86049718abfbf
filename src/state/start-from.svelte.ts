/**
 * What the next run starts from, as the recipe says: new parameters, or a checkpoint of another run; and the data of that run, for replay
 * and to measure what is forgotten.
 */

import { fileClient, trainClient, type WorkerClient } from '../client';
import type { DataSize, DataApi, EncodedDataset, EncodedStats, OldData, RunView, TrainApi } from '../../workers/api';
import { initFrom, replayCount } from '../recipe/init';
import type { Recipe } from '../recipe/recipe';
import { failureOf, type Failure } from './failure';
import { model } from './model.svelte';
import { readOldFile } from './old-file';
import { recipe } from './recipe.svelte';
import { offered } from './run-status';
import { runs } from './runs.svelte';

/** Data of a run that were read from a file. */
interface Given {
  readonly runId: string;
  readonly name: string;
  readonly dataset: EncodedDataset;
}

export class StartFrom {
  readonly #client: WorkerClient<TrainApi>;
  /** Its worker reads one file, and is ended then. */
  readonly #reader: WorkerClient<DataApi>;
  reading = $state(false);
  failure = $state.raw<Failure | null>(null);
  #given = $state.raw<Given | null>(null);
  /** Whether the data of a run are in this browser. */
  #stored = $state.raw<{ readonly runId: string; readonly old: OldData | null } | null>(null);
  /** What the recipe says; null for a fresh start. */
  readonly init = $derived(initFrom(recipe.at('init')));
  /** The run whose checkpoint is the start; null for a fresh start, and when it is not in this browser. */
  readonly run = $derived(this.init === null ? null : runs.find(this.init.run));
  /** Its id: unlike `run` it does not change when the list is read again. */
  readonly runId = $derived(this.run?.id ?? null);
  /** The runs on the chosen model from which a run can start. */
  readonly candidates = $derived(
    runs.list.filter(({ checkpoints, modelId }) => checkpoints.length > 0 && modelId === model.view?.id),
  );
  /** The data that were given for the chosen run. */
  readonly given = $derived(this.#given !== null && this.#given.runId === this.run?.id ? this.#given : null);
  /** What there is to replay; null when the data are not kept, undefined until that is known. */
  readonly old = $derived.by((): OldData | null | undefined => {
    if (this.given !== null) return sizeOf(this.given.dataset);
    return this.#stored !== null && this.#stored.runId === this.run?.id ? this.#stored.old : undefined;
  });
  /** Why no run can start so, in a sentence, or null. */
  readonly blocker = $derived.by(() => this.#blocker());

  constructor(client: WorkerClient<TrainApi>, reader: WorkerClient<DataApi>) {
    this.#client = client;
    this.#reader = reader;
  }

  /** The best checkpoint of a run when `step` is null, as Use takes it; a fresh start for no run. */
  choose(run: Pick<RunView, 'id' | 'name' | 'checkpoints'> | null, step: number | null = null): void {
    this.failure = null;
    const first = run === null ? null : (offered(run.checkpoints)?.step ?? null);
    recipe.set('init', run === null ? 'fresh' : { run: run.id, name: run.name, step: step ?? first });
    if (run === null) recipe.set('replay', 0);
  }

  /** As `choose`, for data that are yet to be opened: what the run was mixed with does not belong to them. */
  carryOn(run: RunView, step: number | null = null): void {
    this.choose(run, step);
    recipe.set('mixture', null);
  }

  /** As `choose`, with the method of the run, which the parameters belong to. */
  chooseWithMethod(run: RunView | null): void {
    if (run !== null) recipe.takeMethod(run.recipe.method, run.name);
    this.choose(run);
  }

  /** Looks whether the data of the chosen run are in this browser. */
  async look(): Promise<void> {
    const { runId } = this;
    if (runId === null) return;
    try {
      this.#stored = { runId, old: await this.#client.call((api) => api.oldData(runId)) };
    } catch (error) {
      this.failure = failureOf(error);
    }
  }

  /** Reads the data of the chosen run from their file, as that run read them. */
  async take(file: File): Promise<void> {
    const [{ run }, tokenizer] = [this, model.view?.tokenizer];
    if (run === null || tokenizer === undefined || this.reading) return;
    [this.reading, this.failure] = [true, null];
    try {
      const dataset = await readOldFile(this.#reader, run, tokenizer, file);
      this.#given = { runId: run.id, name: file.name, dataset };
    } catch (error) {
      this.failure = failureOf(error);
    } finally {
      this.#reader.kill('it has read its file');
      this.reading = false;
    }
  }

  /** Old examples that a run on such data replays; null while that is not known. */
  replayed({ replay }: Pick<Recipe, 'replay'>, { parts }: Pick<EncodedStats, 'parts'>): number | null {
    const { old } = this;
    return old === undefined || old === null || parts === undefined ? null : replayCount(replay, parts.train, old.examples);
  }

  /** The size of the data with the replayed examples. */
  sizeWith(value: Recipe, stats: EncodedStats): DataSize {
    const [count, { old }] = [this.replayed(value, stats), this];
    if (count === null || count === 0 || old === null || old === undefined) return stats;
    const { sequenceLength } = value;
    const tokens = count * Math.min(sequenceLength, old.tokens / old.examples);
    return { ...stats, packedTokens: stats.packedTokens + Math.ceil(tokens / sequenceLength) * sequenceLength };
  }

  #blocker(): string | null {
    const [{ init, run }, replay] = [this, recipe.value?.replay ?? 0];
    if (init === null) return replay > 0 ? 'Replay needs a run to start from: choose one, or set Replay to 0.' : null;
    if (run === null) {
      if (!runs.known) return 'Reading the list of runs…';
      return `The recipe starts from “${init.name}”, which is not in this browser. Start anew, or open it as an adapter in Use.`;
    }
    if (run.checkpoints.length === 0) return `${run.name} has no checkpoint to start from. Start anew, or choose another run.`;
    if (init.step !== null && run.checkpoints.every(({ step }) => step !== init.step))
      return `${run.name} has no checkpoint of step ${init.step} any more. Choose another one.`;
    if (model.view !== null && model.view.id !== run.modelId)
      return `${run.name} was trained on ${run.modelName}. Choose that model, or start anew.`;
    if (replay > 0 && this.old === null)
      return `The data of ${run.name} are not kept in this browser. Open their file for the replay, or set Replay to 0.`;
    return null;
  }
}

function sizeOf({ train }: EncodedDataset): OldData {
  return { examples: train.lines.length, tokens: train.ids.length };
}

export const startFrom = new StartFrom(trainClient, fileClient);
