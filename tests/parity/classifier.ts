/** A classifier with random numbers on a model: the engine's logits, and the exported files, for a comparison with transformers. */

import { exportedFiles, type ExportKind } from '../../src/export';
import { declareTuning } from '../../src/method';
import { vectorOf } from '../../src/method/parameters';
import { parseRecipe } from '../../src/recipe/recipe';
import { classifierOutputs } from '../../src/task/classifier';
import { openEngine } from '../../src/train/engine';
import { headParameters, LANGUAGE, type Job } from '../../src/train/job';
import { LoadedModel } from '../../src/train/loaded';
import { storedParameters } from '../../src/train/records';
import { randomFloats } from '../random';
import { openServed, outputOf } from './logits';

const LABELS = ['billing', 'delivery', 'praise'];
const FACTS = {
  name: 'random numbers',
  modelName: 'base',
  datasetName: 'none',
  examples: 0,
  step: 0,
  trainable: 0,
  device: 'none',
};

export interface RandomClassifier {
  readonly logits: readonly number[];
  /** Each as a data URL. */
  readonly files: readonly { readonly name: string; readonly url: string }[];
}

/** `method`: the settings of a recipe. A reward model has one output, which has no name; other classifiers have three classes. */
export async function randomClassifier(
  base: string,
  kind: ExportKind,
  method: object,
  objective: 'classify' | 'reward',
  ids: readonly number[],
  executor: 'webgpu' | 'wasm',
): Promise<RandomClassifier> {
  const folder = await openServed(base);
  const { config } = folder;
  const recipe = parseRecipe({ version: 2, method, objective: { kind: objective } });
  const labels = objective === 'classify' ? LABELS : undefined;
  const job: Job = { ...LANGUAGE, objective: recipe.objective, outputs: labels?.length ?? 1 };
  const tensors = storedParameters(config, recipe, job).map((parameter, index) => {
    const size = parameter.shape.reduce((a, b) => a * b, 1);
    return { ...parameter, data: randomFloats(size, index + 1).map((x) => 0.2 * x) };
  });
  const run = { ...FACTS, baseLoss: null, tunedLoss: null, recipe, base: folder, ...(labels && { labels }), tensors };
  const files = await exportedFiles(kind, run);

  const model = await LoadedModel.load(await openEngine(executor), folder, 'stored');
  const tuning = declareTuning(model.graph, 'run', config, recipe.method, headParameters(config, job));
  model.executor.write(tuning.parameters.flat, vectorOf(tuning.parameters, tensors));
  const logits = await outputOf(model, tuning, ids, (pass, hidden, { pooling }) =>
    classifierOutputs(pass, config, hidden, pooling),
  );
  return { logits, files: await Promise.all(files.map(async ({ name, blob }) => ({ name, url: await dataUrl(blob) }))) };
}

function dataUrl(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(typeof reader.result === 'string' ? reader.result : '');
    reader.onerror = () => reject(reader.error ?? new Error('a file that cannot be read'));
    reader.readAsDataURL(blob);
  });
}
