/** The adapter of a run with LoRA as PEFT saves it: adapter_config.json, adapter_model.safetensors and a model card. */

import { internal } from '../core/errors';
import { sizeOf } from '../core/shape';
import type { NamedTensor } from '../method/parameters';
import { moduleOf } from '../model/weights';
import type { LoraSettings } from '../recipe/methods';
import { modelCard } from './card';
import type { Exporter } from './exporter';
import { fileTensor, HEAD } from './layout';
import { writePeft } from './peft';
import type { Tuned, TunedTensor } from './types';
import { writeFile, writeText } from './write';

export const peft: Exporter = {
  fits({ recipe: { method } }) {
    return method.kind === 'lora' ? null : 'This run trained the model’s own weights: it has no adapter. Save the whole model.';
  },

  bytes: (_base, parameters) => parameters.reduce((sum, { shape }) => sum + 4 * sizeOf(shape), 0),

  async write(run, sink) {
    for (const { name, bytes } of writePeft(run.tensors.flatMap(inFiles), settingsOf(run), run.modelName))
      await writeFile(sink, name, [bytes]);
    await writeText(sink, 'README.md', modelCard(run));
  },
};

/**
 * In the engine a tied head follows the trained embedding. PEFT trains a copy of the embedding and leaves the head as it was, so the
 * head is saved as a module of its own, with the same numbers.
 */
function inFiles(tensor: TunedTensor): readonly NamedTensor[] {
  const written = fileTensor(tensor);
  return tensor.tiedHead === true ? [written, { ...written, name: HEAD }] : [written];
}

function settingsOf({ recipe: { method }, tensors, fanInFanOut = false }: Tuned): Parameters<typeof writePeft>[1] {
  if (method.kind !== 'lora') throw internal(`an adapter of the method ${method.kind}`);
  return { ...method, fanInFanOut, modulesToSave: savedModules(method, tensors) };
}

function savedModules({ modulesToSave }: LoraSettings, tensors: readonly TunedTensor[]): readonly string[] {
  const tied = tensors.some(({ tiedHead }) => tiedHead === true);
  return tied ? [...modulesToSave, moduleOf(HEAD)] : modulesToSave;
}
