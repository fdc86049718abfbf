/** The layer of a weight, and learning rates by layer. */

import type { ModelConfig } from '../model/config';
import type { WeightSpec } from '../model/family';

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
