/** What several families have in common: norms, and linear layers with biases. */

import { layernorm } from '../../../kernels/layernorm';
import type { Value } from '../../../kernels/op';
import { rmsnorm } from '../../../kernels/rmsnorm';
import type { Pass, WeightSpec } from '../family';

/** The weights of a linear layer with a bias. */
export function linearWeights(module: string, inputs: number, outputs: number): readonly WeightSpec[] {
  return [
    { name: `${module}.weight`, shape: [outputs, inputs], use: 'linear' },
    { name: `${module}.bias`, shape: [outputs], use: 'vector' },
  ];
}

/** The weights of a LayerNorm with a bias. */
export function layerNormWeights(module: string, size: number): readonly WeightSpec[] {
  return ['weight', 'bias'].map((part) => ({ name: `${module}.${part}`, shape: [size], use: 'vector' }));
}

/** LayerNorm over each row of x [M, C]. */
export function layerNorm(pass: Pass, module: string, x: Value, eps: number): Value {
  return layernorm(pass.program, x, pass.weight(`${module}.weight`), pass.weight(`${module}.bias`), eps);
}

/** RMSNorm over each row of x [M, C], or over each part of a row that is as long as the weight. */
export function rmsNorm(pass: Pass, module: string, x: Value, eps: number): Value {
  return rmsnorm(pass.program, x, pass.weight(`${module}.weight`), eps).y;
}
