/** Adapter weights on the host, in PEFT's layout. Plain data. */

import type { Shape } from '../core/shape';

/** One factor of a low-rank update: A is [R, in], B is [out, R], row-major. */
export interface AdapterTensor {
  /** Full name of the linear layer, e.g. `model.layers.0.self_attn.q_proj`. */
  readonly module: string;
  readonly kind: 'A' | 'B';
  readonly shape: Shape;
  readonly data: Float32Array<ArrayBuffer>;
}
