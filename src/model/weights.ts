/** What follows from the weights of a family: the linear layers, their names for `target_modules`, the declared values. */

import type { DType } from '../core/dtype';
import { internal } from '../core/errors';
import type { Graph } from '../graph/graph';
import type { ModelConfig } from './config';
import { familyOf } from './families';
import type { WeightSpec } from './family';

/** A linear layer that can be adapted: x has `inputs` columns, y has `outputs`. */
export interface LinearLayer {
  /** Full name, e.g. `model.layers.0.self_attn.q_proj`. */
  readonly module: string;
  readonly inputs: number;
  readonly outputs: number;
}

export function weightSpecs(config: ModelConfig): readonly WeightSpec[] {
  return familyOf(config).weights(config);
}

/** Name of the output head's weight: that of the embedding if they are tied; null for an encoder, which has none. */
export function headName(config: ModelConfig): string | null {
  return familyOf(config).head(config);
}

/** Name of the table of the tokens' embeddings. */
export function tokenTable(config: ModelConfig): string {
  const table = weightSpecs(config).find(({ use, shape }) => use === 'embedding' && shape[0] === config.vocabSize);
  if (table === undefined) throw internal(`${config.modelType} has no embedding of tokens`);
  return table.name;
}

/** The linear layers of the blocks, in order of use. */
export function linearLayers(config: ModelConfig): readonly LinearLayer[] {
  return weightSpecs(config)
    .filter(({ use }) => use === 'linear')
    .map(({ name, shape }) => {
      const [outputs, inputs] = shape;
      if (outputs === undefined || inputs === undefined) throw internal(`${name} is not a matrix`);
      return { module: moduleOf(name), inputs, outputs };
    });
}

/** The last parts of the names of the linear layers, e.g. `q_proj`: the usual values for LoRA's `target_modules`. */
export function targetNames(config: ModelConfig): readonly string[] {
  return [...new Set(linearLayers(config).map(({ module }) => module.split('.').at(-1) ?? module))];
}

/** The module of a weight: `model.norm.weight` → `model.norm`. */
export function moduleOf(name: string): string {
  return name.replace(/\.[^.]+$/, '');
}

/** Whether one of `names` names the module, by PEFT's rule: the full name or its end after a dot. */
export function isNamed(module: string, names: readonly string[]): boolean {
  return names.some((name) => module === name || module.endsWith(`.${name}`));
}

/** The linear layers that `target_modules` selects. */
export function targetLayers(config: ModelConfig, targets: 'all-linear' | readonly string[]): readonly LinearLayer[] {
  const layers = linearLayers(config);
  if (targets === 'all-linear') return layers;
  return layers.filter(({ module }) => isNamed(module, targets));
}

/** Declares all weights as frozen values of the types that `dtypeOf` gives. */
export function declareWeights(graph: Graph, config: ModelConfig, dtypeOf: (name: string) => DType): void {
  for (const { name, shape } of weightSpecs(config)) graph.declare(name, 'frozen', shape, dtypeOf(name));
}
