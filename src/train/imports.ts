/** Adapters of other programs as runs: with one checkpoint, which answers, is measured, is exported, and can be the start of a run. */

import type { RunRecord, RunStore, StoredParameter } from '../checkpoint/types';
import { FORMAT } from '../checkpoint/format';
import type { Problem } from '../core/errors';
import { flatLayout } from '../core/flat';
import { NUMERICS } from '../core/numerics';
import { problemsError } from '../core/problems';
import { sameShape, sizeOf } from '../core/shape';
import { transpose } from '../core/transpose';
import { readAdapter } from '../export/read-adapter';
import type { AdapterFolder, PeftAdapter } from '../export/read-peft';
import { methodProblems } from '../method';
import { parameterCount, trainedLength, type NamedTensor } from '../method/parameters';
import type { ModelConfig } from '../model/config';
import { familyOf } from '../model/families';
import type { ModelFolder } from '../model/folder';
import { isNamed, linearLayers, moduleOf, weightSpecs } from '../model/weights';
import type { MethodSettings } from '../recipe/methods';
import type { ObjectiveKind } from '../recipe/objectives';
import { parseRecipe, type Recipe } from '../recipe/recipe';
import { factoredStartOf } from './factored-start';
import type { Folders } from './folders';
import { LANGUAGE, type Job } from './job';
import { storedParameters, viewOf } from './records';
import type { RunView } from './types';

const ADVICE = 'Choose the model that the adapter was trained on, or another adapter.';

export class Imports {
  readonly #store: Promise<RunStore>;
  readonly #folders: Folders;

  constructor(store: Promise<RunStore>, folders: Folders) {
    this.#store = store;
    this.#folders = folders;
  }

  /** Keeps the adapter in a folder, or in a zip of one, as a run on an inspected model. Throws the errors of `readAdapter`. */
  async adapter(modelId: string, files: readonly File[], name: string | null): Promise<RunView> {
    const base = this.#folders.get(modelId);
    const found = await readAdapter(files, base);
    const { record, vector } = await imported(base, { ...found, name: name ?? found.name });
    return keepAdapter(await this.#store, record, vector);
  }
}

/** The run of an adapter. Throws `model/weights` with all that does not fit the model. */
async function imported(base: ModelFolder, { adapter, name, card, labels: named }: AdapterFolder) {
  const { config } = base;
  const outputs = outputsOf(config, adapter);
  const recipe = recipeOf(config, adapter, outputs);
  const job: Job = { ...LANGUAGE, objective: recipe.objective, outputs };
  const problems = methodProblems(config, recipe.method);
  if (problems.length > 0) throw problemsError('model/weights', 'This adapter can’t be used', problems, ADVICE);
  const parameters = storedParameters(config, recipe, job);
  const vector = vectorOf(parameters, {
    ...adapter,
    tensors: [...adapter.tensors, ...(await factoredStartOf(base, recipe, parameters))],
  });
  const labels = recipe.objective.kind === 'classify' ? (named ?? labelsOf(card, outputs)) : [];
  const record: RunRecord = {
    ...adapterRecord(base, recipe, parameters),
    ...{ name: name ?? 'adapter', device: 'another program', imported: true },
    ...(labels.length > 0 && { labels }),
  };
  return { record, vector };
}

/** The record of an adapter that no run of this page trained as it is: it has one checkpoint, and its data are not known. */
export function adapterRecord(base: ModelFolder, recipe: Recipe, parameters: readonly StoredParameter[]): RunRecord {
  const now = Date.now();
  return {
    ...{ id: crypto.randomUUID(), name: 'adapter', createdAt: now, updatedAt: now, status: 'finished' },
    ...{ modelId: base.id, modelName: base.view.name, datasetName: 'unknown data', datasetHash: '', examples: 0, recipe },
    ...{ step: 1, totalSteps: 1, baseLoss: null, tunedLoss: null, bestLoss: null },
    ...{ device: 'this page', executor: 'wasm', numerics: NUMERICS, trainable: parameterCount(parameters) },
    ...{ prompts: [], format: FORMAT, parameters },
    ...(weightSpecs(base.config).some(({ transposed }) => transposed === true) && { fanInFanOut: true }),
  };
}

/** Stores the record with its checkpoint. */
export async function keepAdapter(store: RunStore, record: RunRecord, vector: Float32Array<ArrayBuffer>): Promise<RunView> {
  await store.putRun(record);
  const release = await store.lock(record.id);
  try {
    const zeros = () => new Float32Array(trainedLength(record.parameters));
    await store.save(record.id, { step: record.step, parameters: vector, m: zeros(), v: zeros() });
  } finally {
    release();
  }
  return viewOf(await store.run(record.id), false);
}

/** K of a classifier; 0 for other adapters. */
function outputsOf(config: ModelConfig, { taskType, tensors }: PeftAdapter): number {
  if (taskType !== 'SEQ_CLS') return 0;
  const name = `${familyOf(config).classifier(config).last.module}.weight`;
  const outputs = tensors.find((tensor) => tensor.name === name)?.shape[0];
  if (outputs !== undefined) return outputs;
  throw problemsError('model/weights', 'This adapter can’t be used', [{ where: name, message: 'is missing' }], ADVICE);
}

/** What is known of how the adapter was trained. */
function recipeOf(config: ModelConfig, { method, tensors, modulesToSave }: PeftAdapter, outputs: number): Recipe {
  const kind: ObjectiveKind = outputs === 0 ? 'sft' : outputs === 1 ? 'regress' : 'classify';
  return parseRecipe({ version: 2, method: fitted(config, method, tensors, modulesToSave), objective: { kind } });
}

/** Names of the classifier are not those of modules of the base; where some layers of a name have no adapter, all that have one are named. */
function fitted(
  config: ModelConfig,
  method: MethodSettings,
  tensors: readonly NamedTensor[],
  modulesToSave: readonly string[],
): MethodSettings {
  if (method.kind !== 'lora') return method;
  const modules = [...new Set(weightSpecs(config).map(({ name }) => moduleOf(name)))];
  const saved = modulesToSave.filter((name) => modules.some((module) => isNamed(module, [name])));
  const adapted = [...new Set(tensors.flatMap(({ name }) => /^(.+)\.lora_A\.weight$/.exec(name)?.[1] ?? []))];
  const names = method.targetModules === 'all-linear' ? [] : method.targetModules;
  const all = linearLayers(config).filter(({ module }) => isNamed(module, names));
  const same = all.length === adapted.length && all.every(({ module }) => adapted.includes(module));
  return { ...method, modulesToSave: saved, targetModules: same ? names : adapted };
}

/** The flat vector of a run with these parameters. Throws `model/weights` for tensors that are missing or have other shapes. */
function vectorOf(parameters: readonly StoredParameter[], { tensors }: PeftAdapter): Float32Array<ArrayBuffer> {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const problems: Problem[] = [];
  const vector = new Float32Array(flatLayout(parameters.map(({ shape }) => shape)).length);
  for (const parameter of parameters) {
    const data = dataOf(parameter, byName.get(parameter.name));
    if (typeof data === 'string') problems.push({ where: parameter.name, message: data });
    else vector.set(data, parameter.offset);
  }
  if (problems.length > 0) throw problemsError('model/weights', 'This adapter can’t be used', problems, ADVICE);
  return vector;
}

/** A parameter in the engine's layout, or what is wrong with its tensor. */
function dataOf({ shape, transposed }: StoredParameter, tensor: NamedTensor | undefined): Float32Array | string {
  if (tensor === undefined) return 'is missing';
  const expected = transposed === true ? [...shape].reverse() : shape;
  // Vectors of IA³ are matrices with one column or one row in files.
  const fits = sameShape(tensor.shape, expected) || (shape.length === 1 && sizeOf(tensor.shape) === sizeOf(shape));
  if (!fits) return `has the shape [${tensor.shape.join(', ')}], expected [${expected.join(', ')}]`;
  const [rows, columns] = shape;
  if (transposed !== true || rows === undefined || columns === undefined) return tensor.data;
  const turned = new Float32Array(tensor.data.length);
  transpose(tensor.data, turned, rows, columns);
  return turned;
}

/** The labels of a card that this page wrote, else the names that transformers gives. */
function labelsOf(card: string | null, outputs: number): readonly string[] {
  const rows = [...(card ?? '').matchAll(/^\| (\d+) \| `(.+)` \|$/gm)].map(
    ([, index, label = '']) => [Number(index), label] as const,
  );
  const named = new Map(rows);
  return Array.from({ length: outputs }, (_, index) => named.get(index) ?? `LABEL_${index}`);
}
