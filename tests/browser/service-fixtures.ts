/** A TrainService over a tiny model, a real store and a real cache, for the tests of runs. */

import { deleteDB } from 'idb';
import { vi } from 'vitest';
import { Preparation } from '../../src/batch/preparation';
import type { EncodedDataset } from '../../src/batch/types';
import { openRunStore } from '../../src/checkpoint/store';
import { expectedTensors, parseConfig } from '../../src/model/config';
import { openModelCache } from '../../src/model/cache';
import { byteSize, writeSafetensors } from '../../src/model/safetensors';
import type { ModelView } from '../../src/model/types';
import { parseRecipe, type Recipe } from '../../src/recipe/recipe';
import { TrainService } from '../../src/train/service';
import type { ExecutorKind, RunSetup, TrainEvent } from '../../src/train/types';
import { randomFloats } from '../random';
import { freshName } from './store-fixtures';

const SAMPLE = 'lighthouse-keeper.jsonl';

/** The starter's tokenizer, and a model with one small layer whose weights depend on `seed`. */
async function tinyFiles(seed: number): Promise<File[]> {
  const names = ['tokenizer.json', 'tokenizer_config.json'];
  const tokenizer = names.map(async (name) => new File([await (await fetch(`/models/starter/${name}`)).blob()], name));
  const config = JSON.stringify({
    ...{ _name_or_path: `tiny ${seed}`, model_type: 'llama', hidden_size: 16, intermediate_size: 32, num_hidden_layers: 1 },
    ...{ num_attention_heads: 2, num_key_value_heads: 1, vocab_size: 4096, max_position_embeddings: 128 },
    ...{ rms_norm_eps: 1e-5, tie_word_embeddings: true },
  });
  const tensors = expectedTensors(parseConfig(config)).map(({ name, shape }, i) => {
    const count = (byteSize('F32', shape) ?? 0) / 4;
    const numbers = randomFloats(count, 100 * seed + i).map((x) => (shape.length === 1 ? 1 : 0.3 * x));
    return { name, shape, dtype: 'F32', data: new Uint8Array(numbers.buffer) } as const;
  });
  const weights = new File([writeSafetensors(tensors)], 'model.safetensors');
  return [new File([config], 'config.json'), weights, ...(await Promise.all(tokenizer))];
}

export const tinyRecipe = (changes: Partial<Recipe> = {}): Recipe =>
  parseRecipe({ rank: 2, sequenceLength: 64, maxSteps: 3, evalEvery: 3, sampleEvery: 3, saveEvery: 3, ...changes });

export interface Bench {
  readonly service: TrainService;
  readonly store: string;
  readonly model: ModelView;
  /** What a run with `recipe` is started with. */
  readonly setup: (recipe?: Recipe, changes?: Partial<RunSetup>) => Promise<RunSetup>;
  /** Another service over the same store, as in a second tab, with the same model loaded. */
  readonly another: () => Promise<TrainService>;
}

const closing: (() => Promise<void>)[] = [];

/** Call it after each test: closes the stores and deletes them. */
export async function closeBenches(): Promise<void> {
  for (const close of closing.splice(0).reverse()) await close();
}

export async function openBench(executor: ExecutorKind, seed = 1): Promise<Bench> {
  const store = freshName();
  closing.push(() => deleteDB(store));
  const root = freshName();
  const service = openService(store, root);
  await service.openDevice(executor);
  const model = await service.inspectModel({ kind: 'files', files: await tinyFiles(seed) });
  await service.loadModel(model.id, 'stored', () => undefined);
  return {
    ...{ service, store, model },
    setup: async (recipe = tinyRecipe(), changes = {}) => ({
      ...{ name: 'a run', modelId: model.id, recipe, dataset: await datasetOf(model, recipe), datasetName: SAMPLE },
      ...{ prompts: [], ...changes },
    }),
    another: async () => {
      const other = openService(store, root);
      await other.openDevice(executor);
      await other.inspectModel({ kind: 'files', files: await tinyFiles(seed) });
      await other.loadModel(model.id, 'stored', () => undefined);
      return other;
    },
  };
}

/** Inspects a second tiny model, without loading it. */
export async function inspectOther(service: TrainService): Promise<ModelView> {
  return service.inspectModel({ kind: 'files', files: await tinyFiles(2) });
}

function openService(store: string, root: string): TrainService {
  const opening = openRunStore(store);
  closing.push(async () => (await opening).close());
  return new TrainService(opening, openModelCache(root));
}

async function datasetOf({ tokenizer }: ModelView, recipe: Recipe): Promise<EncodedDataset> {
  const data = new Preparation();
  const lines = (await (await fetch(`/samples/${SAMPLE}`)).text()).split('\n').slice(0, 24);
  await data.open(new File([lines.join('\n')], SAMPLE));
  await data.setTokenizer(tokenizer);
  return data.encode(recipe);
}

/** Collects events; `when` calls back at each event of a type. */
export class Events {
  readonly all: TrainEvent[] = [];
  readonly #listeners: ((event: TrainEvent) => void)[] = [];
  readonly receive = (event: TrainEvent): void => {
    this.all.push(event);
    for (const listener of this.#listeners) listener(event);
  };

  when<T extends TrainEvent['type']>(type: T, listener: (event: Extract<TrainEvent, { type: T }>) => void): this {
    this.#listeners.push((event) => {
      if (event.type === type) listener(event as Extract<TrainEvent, { type: T }>);
    });
    return this;
  }

  of<T extends TrainEvent['type']>(type: T): Extract<TrainEvent, { type: T }>[] {
    return this.all.filter((event): event is Extract<TrainEvent, { type: T }> => event.type === type);
  }
}

/** Calls back with every GPU device that is requested, until mocks are restored. */
export function onRequestDevice(callback: (device: GPUDevice) => void): void {
  const requestAdapter = navigator.gpu.requestAdapter.bind(navigator.gpu);
  vi.spyOn(navigator.gpu, 'requestAdapter').mockImplementation(async (options) => {
    const adapter = await requestAdapter(options);
    if (adapter === null) return null;
    const requestDevice = adapter.requestDevice.bind(adapter);
    adapter.requestDevice = async (descriptor) => {
      const device = await requestDevice(descriptor);
      callback(device);
      return device;
    };
    return adapter;
  });
}
