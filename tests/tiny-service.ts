/** A TrainService over a tiny model, a real store and a real model cache: for tests of runs in a browser, and for the soak. */

import { deleteDB } from 'idb';
import { Preparation } from '../src/batch/preparation';
import type { DatasetEncoding, EncodedDataset } from '../src/batch/types';
import { openRunStore } from '../src/checkpoint/store';
import { openModelCache } from '../src/model/cache';
import { parseConfig } from '../src/model/families';
import { weightSpecs } from '../src/model/weights';
import { byteSize } from '../src/formats/safetensors';
import { writeSafetensors } from '../src/formats/safetensors-write';
import type { ModelView } from '../src/model/types';
import type { Fields } from '../src/recipe/migrations';
import { virtualTokens } from '../src/recipe/methods';
import { parseRecipe, type Recipe } from '../src/recipe/recipe';
import { TrainService } from '../src/train/service';
import type { DeviceOptions, ExecutorKind, RunSetup, RunView, TrainEvent } from '../src/train/types';
import { randomFloats } from './random';

/** A model that is made on the fly, and the data of its runs. */
export interface TinyTask {
  /** A folder of public/models, whose tokenizer the model has. */
  readonly tokenizer: string;
  /** config.json, without the name. */
  readonly config: object;
  readonly sample: string;
  readonly text: () => Promise<string>;
  /** Absent: next-token prediction. */
  readonly encoding?: DatasetEncoding;
}

const SAMPLE = 'lighthouse-keeper.jsonl';

const LLAMA = {
  ...{ model_type: 'llama', hidden_size: 16, intermediate_size: 32, num_hidden_layers: 1 },
  ...{ num_attention_heads: 2, num_key_value_heads: 1, vocab_size: 4096, max_position_embeddings: 128 },
  ...{ rms_norm_eps: 1e-5, tie_word_embeddings: true },
};

const BERT = {
  ...{ model_type: 'bert', architectures: ['BertModel'], hidden_size: 16, intermediate_size: 32, num_hidden_layers: 1 },
  ...{ num_attention_heads: 2, vocab_size: 10_000, max_position_embeddings: 128, type_vocab_size: 2 },
};

/** A language model that learns conversations. */
export const CHATS: TinyTask = {
  ...{ tokenizer: 'starter', config: LLAMA, sample: SAMPLE },
  text: async () => (await (await fetch(`/samples/${SAMPLE}`)).text()).split('\n').slice(0, 24).join('\n'),
};

const MESSAGES = [
  (i: number) => `Invoice ${i} invoice invoice,billing`,
  (i: number) => `Parcel ${i} parcel parcel,delivery`,
  (i: number) => `Thank ${i} thank thank,praise`,
];

/** An encoder that learns the labels of short messages. */
export const LABELS: TinyTask = {
  ...{ tokenizer: 'starter-encoder', config: BERT, sample: 'labels.csv' },
  text: () => Promise.resolve(['text,label', ...Array.from({ length: 48 }, (_, i) => MESSAGES[i % 3]?.(i) ?? '')].join('\n')),
  encoding: { kind: 'labelled', labels: 'one' },
};

/** A language model that learns which answer is preferred: the one about birds. */
export const PAIRS: TinyTask = {
  ...{ tokenizer: 'starter', config: LLAMA, sample: 'pairs.jsonl' },
  text: () => {
    const rows = Array.from({ length: 16 }, (_, i) => ({ prompt: `Question ${i}?`, chosen: 'A gull.', rejected: `It is ${i}.` }));
    return Promise.resolve(rows.map((row) => JSON.stringify(row)).join('\n'));
  },
  encoding: { kind: 'pair' },
};

/** A model of one small layer whose weights depend on `seed`. */
export async function tinyFiles(seed: number, { tokenizer: folder, config: fields }: TinyTask = CHATS): Promise<File[]> {
  const names = ['tokenizer.json', 'tokenizer_config.json'];
  const tokenizer = names.map(async (name) => new File([await (await fetch(`/models/${folder}/${name}`)).blob()], name));
  const config = JSON.stringify({ _name_or_path: `tiny ${seed}`, ...fields });
  const tensors = weightSpecs(parseConfig(config)).map(({ name, shape }, i) => {
    const count = (byteSize('F32', shape) ?? 0) / 4;
    const constant = name.endsWith('bias') ? 0 : 1;
    const numbers = randomFloats(count, 100 * seed + i).map((x) => (shape.length === 1 ? constant : 0.3 * x));
    return { name, shape, dtype: 'F32', data: new Uint8Array(numbers.buffer) } as const;
  });
  const weights = new File([writeSafetensors(tensors)], 'model.safetensors');
  return [new File([config], 'config.json'), weights, ...(await Promise.all(tokenizer))];
}

/** `changes` are settings of version 1, which has those of LoRA among the others. */
export const tinyRecipe = (changes: Fields = {}): Recipe =>
  parseRecipe({ rank: 2, sequenceLength: 64, maxSteps: 3, evalEvery: 3, sampleEvery: 3, saveEvery: 3, ...changes });

export interface TinyService {
  readonly service: TrainService;
  /** Name of the database. */
  readonly store: string;
  /** The loaded model. */
  readonly model: ModelView;
  /** What a run with `recipe` is started with. */
  readonly setup: (recipe?: Recipe, changes?: Partial<RunSetup>) => Promise<RunSetup>;
  /** Another service on the same database with the same model loaded, as in a second tab. */
  readonly another: () => Promise<TrainService>;
}

const closing: (() => unknown)[] = [];

/** To be called after each test: closes and deletes the databases, and undoes `onRequestDevice`. */
export async function closeServices(): Promise<void> {
  for (const close of closing.splice(0).reverse()) await close();
}

let names = 0;
const freshName = () => `tiny-${crypto.randomUUID()}-${names++}`;

export async function openTiny(
  executor: 'auto' | ExecutorKind,
  seed = 1,
  options: DeviceOptions = {},
  task: TinyTask = CHATS,
): Promise<TinyService> {
  const store = freshName();
  closing.push(() => deleteDB(store));
  const root = freshName();
  const open = async () => {
    const service = openService(store, root);
    await service.openDevice(executor, options);
    const model = await service.inspectModel({ kind: 'files', files: await tinyFiles(seed, task) });
    await service.loadModel(model.id, 'stored', () => undefined);
    return { service, model };
  };
  const { service, model } = await open();
  return {
    ...{ service, store, model },
    setup: async (recipe = tinyRecipe(), changes = {}) => ({
      ...{ name: 'a run', modelId: model.id, recipe, dataset: await datasetOf(model, recipe, task), datasetName: task.sample },
      ...{ prompts: [], ...changes },
    }),
    another: async () => (await open()).service,
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

/** The data of a task, encoded with the tokenizer of a model. */
export async function datasetOf(
  { tokenizer }: Pick<ModelView, 'tokenizer'>,
  recipe: Recipe,
  { sample, text, encoding }: Pick<TinyTask, 'sample' | 'text' | 'encoding'>,
): Promise<EncodedDataset> {
  const data = new Preparation();
  await data.open(new File([await text()], sample));
  await data.setTokenizer(tokenizer);
  return data.encode({ ...recipe, virtualTokens: virtualTokens(recipe.method), ...(encoding !== undefined && { encoding }) });
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

/** Calls back with every GPU device that is requested, until `closeServices`. */
export function onRequestDevice(callback: (device: GPUDevice) => void): void {
  const { gpu } = navigator;
  const requestAdapter = gpu.requestAdapter.bind(gpu);
  closing.push(() => (gpu.requestAdapter = requestAdapter));
  gpu.requestAdapter = async (options) => {
    const adapter = await requestAdapter(options);
    if (adapter === null) return null;
    const requestDevice = adapter.requestDevice.bind(adapter);
    adapter.requestDevice = async (descriptor) => {
      const device = await requestDevice(descriptor);
      callback(device);
      return device;
    };
    return adapter;
  };
}

/** The GPU buffers that exist, of every device requested from here on. */
export function countBuffers(): ReadonlySet<GPUBuffer> {
  const live = new Set<GPUBuffer>();
  onRequestDevice((device) => {
    const create = device.createBuffer.bind(device);
    device.createBuffer = (wanted) => {
      const buffer = create(wanted);
      const destroy = buffer.destroy.bind(buffer);
      live.add(buffer);
      buffer.destroy = () => {
        live.delete(buffer);
        destroy();
      };
      return buffer;
    };
  });
  return live;
}

/** Runs differ in rank and sequence length, which sizes of values depend on. */
export const varied = (index: number): Recipe =>
  tinyRecipe({ ...(index % 2 === 0 ? { rank: 2, sequenceLength: 64 } : { rank: 3, sequenceLength: 48 }), seed: index });

/**
 * Trains a run of three steps. Of each ten one diverges, one is stopped and loses its last steps, and one is paused and resumed. After
 * every fifth run its adapter answers.
 */
export async function trainVaried(tiny: TinyService, index: number): Promise<void> {
  const { service } = tiny;
  const run = await trainOne(tiny, index);
  const request = { prompt: { text: 'The lamp' }, maxTokens: 3, temperature: 0, topP: 1, seed: 1 };
  if (index % 5 === 0) await service.generate(run && { runId: run.id, step: null }, request, () => undefined);
}

async function trainOne({ service, setup }: TinyService, index: number): Promise<RunView | null> {
  const events = new Events();
  const kind = index % 10;
  const setupOf = () => setup({ ...varied(index), ...(kind === 7 && { learningRate: 1e38 }) });
  if (kind === 4) events.when('step', () => void service.stop(false));
  if (kind === 2) events.when('step', () => void service.pause());
  const started = service.start(await setupOf(), events.receive);
  if (kind === 7) return failed(started, 'diverged');
  const run = await started;
  if (run.status === 'paused') return service.resume(run.id, () => undefined);
  if (run.status !== (kind === 4 ? 'stopped' : 'finished')) throw new Error(`run ${index} is ${run.status}`);
  return run;
}

async function failed(run: Promise<RunView>, why: string): Promise<null> {
  const error: unknown = await run.catch((thrown: unknown) => thrown);
  if (error instanceof Error && error.message.includes(why)) return null;
  throw new Error(`the run should have ${why}`, { cause: error });
}
