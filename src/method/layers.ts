/** What settings of methods say of layers: which are named, and learning rates by layer. */

import type { Problem } from '../core/errors';
import type { ModelConfig } from '../model/config';
import type { WeightSpec } from '../model/family';
import { targetLayers, targetNames } from '../model/weights';

/** The number in a name such as `model.layers.3.mlp.up_proj.weight`; null outside of the layers. */
export function layerOf(name: string): number | null {
  const [, layer] = /\.(\d+)\./.exec(name) ?? [];
  return layer === undefined ? null : Number(layer);
}

/** decay^(layers above): 1 for the last layer, the final norm and the head, least for the embedding. */
export function layerRate({ layers }: ModelConfig, name: string, use: WeightSpec['use'], decay: number): number {
  const layer = layerOf(name) ?? (use === 'embedding' ? -1 : layers - 1);
  return decay ** (layers - 1 - layer);
}

/** A problem for each name that names no linear layer of the model. `where`: the setting that has the names. */
export function unknownNames(config: ModelConfig, names: readonly string[], where: string): readonly Problem[] {
  return names
    .filter((name) => targetLayers(config, [name]).length === 0)
    .map((name) => ({
      where,
      message: `no layer of this model is named ${name}; choose from ${targetNames(config).join(', ')}`,
    }));
}
