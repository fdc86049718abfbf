/** The adapter of a run as PEFT saves it: adapter_config.json, adapter_model.safetensors and a model card. */

import { sizeOf } from '../core/shape';
import { isOfNetwork } from '../method/p-tuning';
import type { NamedTensor } from '../method/parameters';
import { isNamed, moduleOf } from '../model/weights';
import type { MethodSettings } from '../recipe/methods';
import { baseReference, writeBase } from './base';
import { modelCard } from './card';
import { classifierOf, type Classifier } from './classifier';
import type { Exporter } from './exporter';
import { fileTensor, HEAD } from './layout';
import { CLASSIFIER_MODULES, formatOf, writePeft, type PeftSettings } from './peft';
import type { BaseSizes } from './peft-format';
import { asPlainLora } from './plain-lora';
import type { Tuned, TunedTensor } from './types';
import { writeFile, writeText } from './write';

export const peft: Exporter = {
  large: false,

  fits({ recipe: { method } }) {
    if (method.kind === 'bottleneck') return 'PEFT has no bottleneck adapters. Save them for the adapters library.';
    const message = 'This run trained the model’s own weights: it has no adapter. Save the merged weights.';
    return formatOf(method.kind) === null ? message : null;
  },

  bytes: (_base, parameters) => parameters.reduce((sum, { name, shape }) => sum + (isOfNetwork(name) ? 0 : 4 * sizeOf(shape)), 0),

  async write(run, sink) {
    const classifier = classifierOf(run);
    const plain = asPlainLora(run);
    const tensors = plain.tensors.flatMap((tensor) => inFiles(tensor, classifier));
    const { path: basePath } = baseReference(run);
    for (const { name, bytes } of writePeft(tensors, settingsOf(plain, classifier), basePath, sizesOf(run)))
      await writeFile(sink, name, [bytes]);
    await writeText(sink, 'README.md', modelCard({ ...run, basePath }, classifier));
    await writeBase(run, sink, classifier);
  },
};

/**
 * In the engine a tied head follows the trained embedding. PEFT trains a copy of the embedding and leaves the head as it was, so the
 * head is saved as a module of its own, with the same numbers. In transformers a classifier has no output head.
 */
function inFiles(tensor: TunedTensor, classifier: Classifier | null): readonly NamedTensor[] {
  const written = fileTensor(tensor);
  if (classifier !== null) return tensor.name === HEAD ? [] : [written];
  return tensor.tiedHead === true ? [written, { ...written, name: HEAD }] : [written];
}

/** Of the base, if it is open. */
function sizesOf({ base }: Pick<Tuned, 'base'>): BaseSizes | null {
  const [attention] = base?.config.attention ?? [];
  return base === null || attention === undefined
    ? null
    : { layers: base.config.layers, heads: attention.heads, kvHeads: attention.kvHeads };
}

function settingsOf({ recipe: { method }, tensors, fanInFanOut = false }: Tuned, classifier: Classifier | null): PeftSettings {
  const common = { method, fanInFanOut };
  const named = namedModules(method, tensors);
  if (classifier !== null) {
    const saved = [...named.filter((module) => module !== moduleOf(HEAD)), ...classifierModules(classifier)];
    return { ...common, taskType: 'SEQ_CLS', modulesToSave: saved };
  }
  const tied = tensors.some(({ tiedHead }) => tiedHead === true);
  return { ...common, taskType: 'CAUSAL_LM', modulesToSave: tied ? [...named, moduleOf(HEAD)] : named };
}

/** Full names, because PEFT compares the ends of names also within a word: `norm` would be `input_layernorm` too. */
function namedModules(method: MethodSettings, tensors: readonly TunedTensor[]): readonly string[] {
  if (!('modulesToSave' in method)) return [];
  const modules = new Set(tensors.flatMap(({ name, isNew }) => (isNew === true ? [] : [moduleOf(name)])));
  return [...modules].filter((module) => isNamed(module, method.modulesToSave));
}

/** A module is saved with the modules in it. */
function classifierModules({ modules }: Classifier): readonly string[] {
  const covered = (module: string) => CLASSIFIER_MODULES.some((root) => module === root || module.startsWith(`${root}.`));
  return [...modules.filter((module) => !covered(module)), ...CLASSIFIER_MODULES];
}
