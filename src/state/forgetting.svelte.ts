/**
 * What a run forgot: losses before it and after it, on the rows that it held out, on those of the run that it carries on, and on a general
 * text that comes with the page. Kept as long as the page is open.
 */

import { callback, fileClient, trainClient, type WorkerClient } from '../client';
import type { DataApi, EncodedDataset, Measurement, MeasureRequest, RunView, TokenizerFiles, TrainApi } from '../../workers/api';
import { CodedError } from '../core/errors';
import { virtualTokens } from '../recipe/methods';
import { defaultSplit } from '../recipe/splits';
import { loadBaseModel } from './base-model';
import { failureOf, type Failure } from './failure';
import { journal } from './journal.svelte';
import { predicts } from './objective';
import { holdsOut } from './parts';

/** What is measured: the new data of the run, the data of the run that it carries on, a general text. */
export const FORGETTING_PARTS = ['new', 'old', 'general'] as const;
export type ForgettingPart = (typeof FORGETTING_PARTS)[number];

/** Losses on one part. `before`: where the run started, which is the base for a run that carries on none. */
export interface Forgotten {
  readonly part: ForgettingPart;
  readonly before: Measurement;
  readonly after: Measurement;
}

/** A measurement under way. `total` 0: not counted. */
interface Doing {
  readonly runId: string;
  readonly doing: string;
  readonly done: number;
  readonly total: number;
}

type Dataset = MeasureRequest['dataset'];

const GENERAL = 'general-text.txt';

const NAMES: Readonly<Record<ForgettingPart, string>> = { new: 'the new rows', old: 'the old rows', general: 'the general text' };

export class Forgetting {
  readonly #client: WorkerClient<TrainApi>;
  /** Its worker reads one file, and is ended then. */
  readonly #reader: WorkerClient<DataApi>;
  /** By run and step. */
  #known = $state.raw<Readonly<Record<string, readonly Forgotten[]>>>({});
  now = $state.raw<Doing | null>(null);
  failed = $state.raw<{ readonly runId: string; readonly failure: Failure } | null>(null);
  #cancelled = false;

  constructor(client: WorkerClient<TrainApi>, reader: WorkerClient<DataApi>) {
    this.#client = client;
    this.#reader = reader;
  }

  /** What was measured of the checkpoint at `step`. */
  of(run: Pick<RunView, 'id'>, step: number): readonly Forgotten[] {
    return this.#known[keyOf(run, step)] ?? [];
  }

  /** Measures every part of `partsOf` that is not known. Does nothing while a measurement is under way. */
  async measure(run: RunView, step: number): Promise<void> {
    if (this.now !== null) return;
    [this.failed, this.#cancelled] = [null, false];
    try {
      this.#say(run, 'Loading the model');
      const { tokenizer } = await loadBaseModel(run);
      const known = this.of(run, step).map(({ part }) => part);
      for (const part of partsOf(run).filter((one) => !known.includes(one))) {
        const found = await this.#measurePart(run, step, part, tokenizer);
        if (found === null) return;
        this.#keep(run, step, found);
      }
    } catch (error) {
      if (!this.#isCancelled()) this.failed = { runId: run.id, failure: failureOf(error) };
    } finally {
      this.now = null;
    }
  }

  /** Ends the measurement under way; what was measured stays. */
  async cancel(): Promise<void> {
    this.#cancelled = true;
    this.#reader.kill('the measurement was cancelled');
    await this.#client.call((api) => api.cancelMeasure()).catch((error: unknown) => void failureOf(error));
  }

  /** Null when it was cancelled. */
  async #measurePart(run: RunView, step: number, part: ForgettingPart, tokenizer: TokenizerFiles): Promise<Forgotten | null> {
    const dataset = await this.#datasetOf(run, part, tokenizer);
    const losses = async (which: MeasureRequest['which'], when: string) => {
      const found = await this.#measure(run, { runId: run.id, step, which, dataset }, `Measuring ${NAMES[part]} ${when}`);
      return this.#isCancelled() ? null : found;
    };
    const before = await losses(run.parent === undefined ? 'base' : 'start', 'before the run');
    const after = before === null ? null : await losses('tuned', 'after it');
    if (before === null || after === null) return null;
    journal({ event: 'forgetting', part, step, before: before.loss, after: after.loss });
    return { part, before, after };
  }

  async #datasetOf(run: RunView, part: ForgettingPart, tokenizer: TokenizerFiles): Promise<Dataset> {
    if (part === 'new') return 'held-out';
    return part === 'old' ? 'old' : { text: await this.#generalText(run, tokenizer) };
  }

  async #generalText(run: RunView, tokenizer: TokenizerFiles): Promise<EncodedDataset> {
    this.#say(run, 'Reading the general text');
    const { sequenceLength, seed, method } = run.recipe;
    const whole = { heldOutRatio: 0, testRatio: 0, split: defaultSplit('random'), dataSteps: [], lossOn: 'all' } as const;
    const file = await fetchGeneral();
    try {
      await this.#reader.call((api) => api.open(file, { dataSteps: [], seed }));
      await this.#reader.call((api) => api.setTokenizer(tokenizer));
      return await this.#reader.call((api) =>
        api.encode({ ...whole, sequenceLength, seed, virtualTokens: virtualTokens(method) }),
      );
    } finally {
      this.#reader.kill('it has read its file');
    }
  }

  async #measure(run: RunView, request: MeasureRequest, doing: string): Promise<Measurement | null> {
    // Progress comes by another way than the result, and may come after it.
    let whole = false;
    const onBatch = callback((done: number, total: number) => {
      if (!whole) this.#say(run, doing, done, total);
    });
    this.#say(run, doing);
    const result = await this.#client.call((api) => api.measure(request, onBatch));
    whole = true;
    return result;
  }

  #say({ id }: RunView, doing: string, done = 0, total = 0): void {
    this.now = { runId: id, doing, done, total };
  }

  #keep(run: RunView, step: number, found: Forgotten): void {
    this.#known = { ...this.#known, [keyOf(run, step)]: [...this.of(run, step), found] };
  }

  #isCancelled(): boolean {
    return this.#cancelled;
  }
}

/** What can be measured of a run: losses that exist before and after it. */
export function partsOf({ recipe, parts, parent }: Pick<RunView, 'recipe' | 'parts' | 'parent'>): readonly ForgettingPart[] {
  const own = recipe.objective.kind;
  const can: Readonly<Record<ForgettingPart, boolean>> = {
    new: holdsOut({ recipe, ...(parts && { parts }) }) && (parent !== undefined || !predicts(own)),
    old: parent?.datasetHash !== undefined,
    general: !predicts(own),
  };
  return FORGETTING_PARTS.filter((part) => can[part]);
}

const keyOf = ({ id }: Pick<RunView, 'id'>, step: number) => `${id} ${step}`;

async function fetchGeneral(): Promise<File> {
  const response = await fetch(`samples/${GENERAL}`);
  if (!response.ok) {
    const message = `${GENERAL} could not be fetched (status ${response.status}). Reload the page.`;
    throw new CodedError('data/parse', message);
  }
  return new File([await response.blob()], GENERAL);
}

export const forgetting = new Forgetting(trainClient, fileClient);
