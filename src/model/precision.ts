/**
 * Storage types of the base model's weights on the device. `stored`: f16, or f32 where f16 would lose precision. `q8` and `q4`: the
 * linear layers of the blocks are quantised, as in QLoRA; embedding and head, which are often one matrix, norms and biases are not.
 */

import type { DType } from '../core/dtype';
import type { BasePrecision } from '../recipe/recipe';
import type { ModelConfig } from './config';

import { weightSpecs } from './weights';
import type { Storage } from './weights-source';

/** The storage type of each weight on the device: that of `stored`, but `precision` for the linear layers if it is quantised. */
export function deviceTypes(config: ModelConfig, stored: Storage, precision: BasePrecision): (name: string) => DType {
  const linear = new Set(weightSpecs(config).flatMap(({ name, use }) => (use === 'linear' ? [name] : [])));
  return (name) => (precision !== 'stored' && linear.has(name) ? precision : (stored.get(name) ?? 'f32'));
}
