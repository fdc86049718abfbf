/**
 * P-tuning (Liu et al., arXiv 2103.10385): prompt tuning whose vectors a network makes of trained ones, W₃·relu(W₂·relu(W₁·e + b₁) + b₂) + b₃.
 * What it makes is the prompt: the network is needed while it is trained only.
 */

import type { ModelConfig } from '../model/config';
import type { PTuningSettings } from '../recipe/methods';
import { matmul } from '../../kernels/matmul';
import type { Builder, Value } from '../../kernels/op';
import { unary } from '../../kernels/unary';
import type { Method } from './method';
import type { NamedTensor, Parameter, Parameters } from './parameters';
import { PROMPT_EMBEDDINGS, withPrompt } from './prompt';

/** PEFT's names of the inputs [n, C] and of the layers of the network. */
const INPUTS = 'embedding.weight';
const LAYERS = ['mlp_head.0', 'mlp_head.2', 'mlp_head.4'] as const;

export const pTuning: Method<PTuningSettings> = {
  parameters(config, settings) {
    const { virtualTokens, encoderSize } = settings;
    const vectors = { shape: [virtualTokens, config.hiddenSize], init: { kind: 'normal', deviation: 1 } } as const;
    if (encoderSize === 0) return [{ name: PROMPT_EMBEDDINGS, ...vectors }];
    return [{ name: INPUTS, ...vectors }, ...networkOf(config, settings)];
  },

  problems: () => [],

  wrap: (pass, own) => withPrompt(pass, () => vectorsOf(pass.program, own)),

  fuse: () => null,
};

/** PyTorch's start of linear layers: weights and biases uniform in ±1/√in. */
function networkOf({ hiddenSize: c }: ModelConfig, { encoderSize: h }: PTuningSettings): readonly Parameter[] {
  const widths = [c, h, h, c];
  return LAYERS.flatMap((layer, i): Parameter[] => {
    const [inputs = 0, outputs = 0] = widths.slice(i, i + 2);
    const init = { kind: 'uniform', bound: 1 / Math.sqrt(inputs) } as const;
    return [
      { name: `${layer}.weight`, shape: [outputs, inputs], init },
      { name: `${layer}.bias`, shape: [outputs], init },
    ];
  });
}

/** The vectors [n, C]. */
function vectorsOf(builder: Builder, own: Parameters): Value {
  const trained = own.find(PROMPT_EMBEDDINGS);
  if (trained !== null) return trained;
  return LAYERS.reduce((x, layer, i) => {
    const active = i === 0 ? x : unary(builder, x, { kind: 'relu' });
    return matmul(builder, { a: active, w: own.named(`${layer}.weight`), bias: own.named(`${layer}.bias`) });
  }, own.named(INPUTS));
}

/** Whether the parameter is of the network, which is in no file; the vectors that it makes are as many as its inputs. */
export function isOfNetwork(name: string): boolean {
  return LAYERS.some((layer) => name.startsWith(`${layer}.`));
}

/** The vectors that the network of these tensors makes, as one tensor; tensors without a network are returned. */
export function madeVectors(tensors: readonly NamedTensor[]): readonly NamedTensor[] {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const inputs = byName.get(INPUTS);
  if (inputs === undefined) return tensors;
  const [count = 0, width = 0] = inputs.shape;
  const rows = Array.from({ length: count }, (_, row) => {
    const start = inputs.data.subarray(row * width, (row + 1) * width);
    return LAYERS.reduce<Numbers>((x, layer, i) => {
      const active = i === 0 ? x : Float64Array.from(x, (value) => Math.max(0, value));
      return product(active, byName.get(`${layer}.weight`), byName.get(`${layer}.bias`));
    }, start);
  });
  const data = Float32Array.from(rows.flatMap((row) => Array.from(row)));
  return [{ name: PROMPT_EMBEDDINGS, shape: inputs.shape, data }];
}

type Numbers = Float32Array | Float64Array;

/** W·x + b in f64. */
function product(x: Numbers, weight?: NamedTensor, bias?: NamedTensor): Float64Array {
  const [outputs = 0, inputs = 0] = weight?.shape ?? [];
  return Float64Array.from({ length: outputs }, (_, n) => {
    let sum = bias?.data[n] ?? NaN;
    for (let k = 0; k < inputs; k++) sum += (weight?.data[n * inputs + k] ?? NaN) * (x[k] ?? NaN);
    return sum;
  });
}
