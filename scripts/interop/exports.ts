/** Saves exports of trained adapters from the disk, without a browser: a model's folder and one that PEFT or the page saved. */

import { createWriteStream, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { openAsBlob } from 'node:fs';
import { dirname, join } from 'node:path';
import { Writable } from 'node:stream';
import { type ExportKind, writeExport } from '../../src/export';
import { readAdapter } from '../../src/export/read-adapter';
import { readPeft } from '../../src/export/read-peft';
import type { FileSink, Tuned, WeightType } from '../../src/export/types';
import { parametersOf } from '../../src/method';
import { openFolder } from '../../src/model/folder';
import { parseRecipe } from '../../src/recipe/recipe';
import { factoredStartOf } from '../../src/train/factored-start';
import { storedParameters } from '../../src/train/records';
import { TextTokenizer } from '../../src/tokenizer/tokenizer';
import { smallLlama } from './small-llama';

/** A file on the disk, which is read when it is needed. */
async function openFile(folder: string, name: string): Promise<File> {
  return new File([await openAsBlob(join(folder, name))], name);
}

/** The files of a model. `others`: files that stand in for those that its folder does not have. */
async function filesOf(folder: string, others: readonly File[]): Promise<readonly File[]> {
  const names = readdirSync(folder).filter((name) => statSync(join(folder, name)).isFile());
  const own = await Promise.all(names.map((name) => openFile(folder, name)));
  return [...own, ...others.filter(({ name }) => !names.includes(name))];
}

const FACTS = {
  ...{ name: 'check', datasetName: 'none', examples: 0, step: 0, trainable: 0, device: 'none', baseLoss: null, tunedLoss: null },
};

/** A run whose adapter is that of `adapter`, on the model of `model`. */
export async function runOf(model: string, adapter: string, others: readonly File[] = []): Promise<Tuned> {
  // llama.cpp expects some tokens of a model that is named phi3.
  const base = await openFolder(await filesOf(model, others), { name: 'base' });
  const weights = await openFile(adapter, 'adapter_model.safetensors');
  const { method, tensors } = await readPeft(readFileSync(join(adapter, 'adapter_config.json'), 'utf8'), weights);
  const recipe = parseRecipe({ version: 2, method, objective: { kind: 'sft' } });
  const start = await factoredStartOf(base, recipe, storedParameters(base.config, recipe));
  return { ...FACTS, modelName: base.view.name, recipe, base, tensors: [...tensors, ...start] };
}

/** A run whose bottleneck adapters, with a classifier if there is one, are those of `adapter`, on the model of `model`. */
export async function bottleneckRunOf(model: string, adapter: string, others: readonly File[] = []): Promise<Tuned> {
  const base = await openFolder(await filesOf(model, others), { name: 'base' });
  const { adapter: found, labels } = await readAdapter(await filesOf(adapter, []), base);
  const kind = found.taskType === 'SEQ_CLS' ? 'classify' : 'sft';
  const own = new Set(parametersOf(base.config, found.method).map(({ name }) => name));
  return {
    ...{ ...FACTS, modelName: base.view.name, base, ...(labels && { labels }) },
    recipe: parseRecipe({ version: 2, method: found.method, objective: { kind } }),
    tensors: found.tensors.map((tensor) => (own.has(tensor.name) ? tensor : { ...tensor, isNew: true })),
  };
}

/** The run with an adapter that changes nothing: as a file, the base. */
export function untuned(run: Tuned): Tuned {
  return { ...run, tensors: run.tensors.map((tensor) => ({ ...tensor, data: new Float32Array(tensor.data.length) })) };
}

/** A small Llama with random weights, which no adapter changes, and the tokenizer of these files. */
export async function untrainedRun(tokenizer: readonly File[]): Promise<Tuned> {
  const base = await openFolder([...smallLlama(4096), ...tokenizer], { name: 'small' });
  return {
    ...FACTS,
    modelName: 'small',
    base,
    tensors: [],
    recipe: parseRecipe({ version: 2, method: { kind: 'full' }, objective: { kind: 'sft' } }),
  };
}

/** The tokenizer of the run's base. */
export function tokenizerOfRun({ base }: Tuned): TextTokenizer {
  if (base === null) throw new Error('a run without its base');
  return new TextTokenizer(base.view.tokenizer);
}

/** Saves a run's files to a folder. Throws what hinders it. */
export async function save(kind: ExportKind, run: Tuned, folder: string, weightType: WeightType = 'F32'): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const sink: FileSink = {
    file(name) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      return Writable.toWeb(createWriteStream(join(folder, name))) as WritableStream<Uint8Array<ArrayBuffer>>;
    },
  };
  await writeExport(kind, run, sink, { weightType, history: noRows, splits: noRows });
}

const noRows = () => Promise.reject(new Error('an adapter on the disk has no rows and no examples'));
