/** Saves exports of trained adapters from the disk, without a browser: a model's folder and one that PEFT or the page saved. */

import { createWriteStream, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { openAsBlob } from 'node:fs';
import { dirname, join } from 'node:path';
import { Writable } from 'node:stream';
import { type ExportKind, writeExport } from '../../src/export';
import { readPeft } from '../../src/export/read-peft';
import type { FileSink, Tuned, WeightType } from '../../src/export/types';
import { openFolder } from '../../src/model/folder';
import { parseRecipe } from '../../src/recipe/recipe';

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

/** A run whose adapter is that of `adapter`, on the model of `model`. */
export async function runOf(model: string, adapter: string, others: readonly File[] = []): Promise<Tuned> {
  const base = await openFolder(await filesOf(model, others));
  const weights = await openFile(adapter, 'adapter_model.safetensors');
  const { method, tensors } = await readPeft(readFileSync(join(adapter, 'adapter_config.json'), 'utf8'), weights);
  return {
    ...{ name: 'check', modelName: base.view.name, datasetName: 'none', examples: 0, step: 0, trainable: 0, device: 'none' },
    ...{ baseLoss: null, tunedLoss: null, recipe: parseRecipe({ version: 2, method, objective: { kind: 'sft' } }) },
    ...{ base, tensors },
  };
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
