/**
 * How many bits the base model's weights are held in. `stored`: as the files have them (f16, or f32 where f16 would lose).
 * `q8` and `q4`: the linear layers of the blocks are quantised, as QLoRA does; embedding and head, which is often the same
 * matrix, stay as stored, and so do norms and biases, which are small.
 */

import type { DType } from '../core/dtype';
import type { BasePrecision } from '../recipe/recipe';
import type { ModelConfig } from './config';
import { linearLayers } from './llama';
import type { Storage } from './weights-source';

/** The type of each weight on the device: `stored` with the linear layers quantised as `precision` says. */
export function deviceTypes(config: ModelConfig, stored: Storage, precision: BasePrecision): (name: string) => DType {
  const linear = new Set(linearLayers(config).map(({ module }) => `model.${module}.weight`));
  return (name) => (precision !== 'stored' && linear.has(name) ? precision : (stored.get(name) ?? 'f32'));
}
