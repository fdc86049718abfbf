/** Starts adapters as a part of the base's weights: their factors are computed from the files, one weight after another. */

import { yieldToEventLoop } from '../core/event-loop';
import { internal } from '../core/errors';
import { startFactors } from '../method/factors';
import { moduleSettings } from '../method/lora';
import { startedBy } from '../method/lora-start';
import type { NamedTensor, Parameter } from '../method/parameters';
import type { StoredParameter } from '../checkpoint/types';
import type { ModelConfig } from '../model/config';
import type { ModelFolder } from '../model/folder';
import { readWeight } from '../model/weights-source';
import { targetLayers, type LinearLayer } from '../model/weights';
import type { Recipe } from '../recipe/recipe';

export interface FactorHooks {
  readonly onProgress: (done: number, total: number) => void;
  /** Read before each weight; the promise rejects with its reason. */
  readonly signal?: AbortSignal;
}

/** The numbers of a weight of the base [out, in], by its name. */
export type ReadWeight = (name: string) => Promise<Float32Array>;

/**
 * The tensors that start as factors of weights: A and B of each adapted layer, and the parameters that keep what these start with. Empty
 * for methods without any.
 */
export async function factoredTensors(
  config: ModelConfig,
  { method, seed }: Pick<Recipe, 'method' | 'seed'>,
  all: readonly Pick<Parameter, 'name' | 'shape'>[],
  read: ReadWeight,
  { onProgress, signal }: FactorHooks,
): Promise<readonly NamedTensor[]> {
  if (method.kind !== 'lora' || method.initWeights === 'random') return [];
  const layers = targetLayers(config, method.targetModules);
  const tensors: NamedTensor[] = [];
  for (const [i, layer] of layers.entries()) {
    onProgress(i, layers.length);
    await yieldToEventLoop();
    signal?.throwIfAborted();
    const { module, outputs, inputs } = layer;
    const settings = { ...method, ...moduleSettings(module, method), module, seed };
    const { a, b } = startFactors(await read(`${module}.weight`), outputs, inputs, settings);
    tensors.push(...all.flatMap((parameter) => startOf(parameter, layer, a, b)));
  }
  return tensors;
}

/** What an adapter of a recipe started as, where that is a part of the base's weights: the numbers of the parameters that keep it. */
export function factoredStartOf(
  { config, tensors }: Pick<ModelFolder, 'config' | 'tensors'>,
  recipe: Pick<Recipe, 'method' | 'seed'>,
  parameters: readonly StoredParameter[],
): Promise<readonly NamedTensor[]> {
  const read = (name: string) => {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw internal(`the model has no weight ${name}`);
    return readWeight(tensor);
  };
  const fixed = parameters.filter((parameter) => parameter.fixed === true);
  return factoredTensors(config, recipe, fixed, read, { onProgress: () => undefined });
}

/** The parameter's start, if it is one of the layer's that have one. */
function startOf(
  { name, shape }: Pick<Parameter, 'name' | 'shape'>,
  { module }: LinearLayer,
  a: Float32Array,
  b: Float32Array,
): readonly NamedTensor[] {
  const own = startedBy(name) ?? name;
  const data = own === `${module}.lora_A.weight` ? a : own === `${module}.lora_B.weight` ? b : null;
  if (data === null) return [];
  if (data.length !== shape.reduce((product, size) => product * size, 1))
    throw internal(`${name} starts with ${data.length} numbers`);
  return [{ name, shape, data: Float32Array.from(data) }];
}
