/**
 * The Llama family: Llama 2 and 3, Mistral, SmolLM2, Qwen2 (biases on q, k, v), Qwen3 (norm on each head of q and k). Pre-norm blocks
 * with RMSNorm, rotary positions, grouped-query attention and a gated feed-forward part.
 */

import { swiglu } from '../../../kernels/swiglu';
import type { Value } from '../../../kernels/op';
import type { ModelConfig } from '../config';
import type { Fields } from '../config-fields';
import type { Family, Pass, WeightSpec } from '../family';
import { readRope } from '../rope';
import { readLayerTypes } from './layer-types';
import { adapterModules, checkHeads, closeSublayer, decoderWeights, rmsNorm } from './parts';

export interface LlamaConfig extends ModelConfig {
  /** F. */
  readonly intermediateSize: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly normEps: number;
  /** The output head is the embedding matrix. */
  readonly tied: boolean;
  /** The files are those of a classifier: without an output head. */
  readonly headless: boolean;
  /** Which linear layers have a bias. */
  readonly bias: { readonly qkv: boolean; readonly o: boolean; readonly mlp: boolean };
  /** RMSNorm over each head of q and k before RoPE (Qwen3). */
  readonly qkNorm: boolean;
}

export const llama: Family<LlamaConfig> = {
  modelTypes: ['llama', 'mistral', 'qwen2', 'qwen3'],
  architectures: /For(CausalLM|SequenceClassification)$/,
  readConfig,
  weights,
  hidden(pass, config, { ids }) {
    let x = pass.embed('model.embed_tokens.weight', ids);
    for (let i = 0; i < config.layers; i++) {
      const before = x;
      x = pass.layer(i, () => feedForward(pass, config, i, selfAttention(pass, config, i, before)));
    }
    return rmsNorm(pass, 'model.norm', x, config.normEps);
  },
  head({ headless, tied }) {
    if (headless) return null;
    return tied ? 'model.embed_tokens.weight' : 'lm_head.weight';
  },
  adapterModules: (_config, layer) => adapterModules(`model.layers.${layer}`),
  classifier: () => ({ pool: 'last', dense: null, last: { module: 'score', bias: false } }),
};

function selfAttention(pass: Pass, config: LlamaConfig, i: number, x: Value): Value {
  const block = `model.layers.${i}`;
  const h = rmsNorm(pass, `${block}.input_layernorm`, x, config.normEps);
  const headNorm = (name: string, y: Value) =>
    config.qkNorm ? rmsNorm(pass, `${block}.self_attn.${name}`, y, config.normEps) : y;
  const queries = headNorm('q_norm', pass.linear(`${block}.self_attn.q_proj`, h));
  const keys = headNorm('k_norm', pass.linear(`${block}.self_attn.k_proj`, h));
  const { q, k } = pass.rotate(i, queries, keys);
  const v = pass.linear(`${block}.self_attn.v_proj`, h);
  return closeSublayer(
    pass,
    { layer: i, part: 'attention', module: `${block}.self_attn.o_proj`, residual: x },
    pass.attend(i, q, k, v),
  );
}

function feedForward(pass: Pass, config: LlamaConfig, i: number, x: Value): Value {
  const block = `model.layers.${i}`;
  const h = rmsNorm(pass, `${block}.post_attention_layernorm`, x, config.normEps);
  const active = swiglu(pass.program, pass.linear(`${block}.mlp.gate_proj`, h), pass.linear(`${block}.mlp.up_proj`, h));
  return closeSublayer(pass, { layer: i, part: 'mlp', module: `${block}.mlp.down_proj`, residual: x }, active);
}

function weights(config: LlamaConfig): readonly WeightSpec[] {
  return decoderWeights(config, (block) => blockWeights(config, block));
}

function blockWeights(config: LlamaConfig, block: string): readonly WeightSpec[] {
  const { hiddenSize: c, intermediateSize: f, headDim, bias, qkNorm } = config;
  const [q, kv] = [config.heads * headDim, config.kvHeads * headDim];
  const vector = (path: string, size: number): WeightSpec => ({ name: `${block}.${path}`, shape: [size], use: 'vector' });
  const linear = (path: string, inputs: number, outputs: number, biased: boolean): WeightSpec[] => [
    { name: `${block}.${path}.weight`, shape: [outputs, inputs], use: 'linear' },
    ...(biased ? [vector(`${path}.bias`, outputs)] : []),
  ];
  return [
    vector('input_layernorm.weight', c),
    ...linear('self_attn.q_proj', c, q, bias.qkv),
    ...linear('self_attn.k_proj', c, kv, bias.qkv),
    ...linear('self_attn.v_proj', c, kv, bias.qkv),
    ...linear('self_attn.o_proj', q, c, bias.o),
    ...linear('mlp.gate_proj', c, f, bias.mlp),
    ...linear('mlp.up_proj', c, f, bias.mlp),
    ...linear('mlp.down_proj', f, c, bias.mlp),
    ...(qkNorm ? [vector('self_attn.q_norm.weight', headDim), vector('self_attn.k_norm.weight', headDim)] : []),
    vector('post_attention_layernorm.weight', c),
  ];
}

function readConfig(fields: Fields, modelType: string): LlamaConfig {
  const activation = fields.raw('hidden_act') ?? 'silu';
  if (activation !== 'silu') fields.refuse('hidden_act', `is ${JSON.stringify(activation)}; only "silu" is supported`);
  const maxPositions = fields.whole('max_position_embeddings', modelType === 'llama' ? 2048 : 32768);
  const sizes = readSizes(modelType, fields);
  const { heads, kvHeads, headDim } = sizes;
  const normEps = fields.positive('rms_norm_eps', 1e-6);
  const rope = readRope(fields, maxPositions);
  const common = { heads, kvHeads, headDim, scale: 1 / Math.sqrt(headDim), causal: true, rope };
  return {
    ...{ modelType, ...sizes, maxPositions, firstPosition: 0 },
    attention: readWindows(modelType, fields, sizes.layers, maxPositions).map((window) => ({ ...common, window })),
    normEps,
    tied: fields.flag('tie_word_embeddings', false),
    headless: fields.isOf('architectures', /ForSequenceClassification$/),
    initializerRange: fields.positive('initializer_range', 0.02),
    bias: readBias(modelType, fields),
    qkNorm: modelType === 'qwen3',
  };
}

type Sizes = Pick<LlamaConfig, 'hiddenSize' | 'intermediateSize' | 'layers' | 'heads' | 'kvHeads' | 'headDim' | 'vocabSize'>;

function readSizes(modelType: string, fields: Fields): Sizes {
  const hiddenSize = fields.whole('hidden_size');
  const heads = fields.whole('num_attention_heads');
  // In transformers, the default of Qwen3 is 128; that of the others is hidden_size / heads.
  const divided = Math.max(1, Math.floor(hiddenSize / heads));
  const sizes: Sizes = {
    hiddenSize,
    intermediateSize: fields.whole('intermediate_size'),
    layers: fields.whole('num_hidden_layers'),
    heads,
    kvHeads: fields.whole('num_key_value_heads', heads),
    headDim: fields.whole('head_dim', modelType === 'qwen3' ? 128 : divided),
    vocabSize: fields.whole('vocab_size'),
  };
  if (fields.problems.length === 0) checkHeads(sizes, fields);
  return sizes;
}

/** Biases as in the family's modelling code of transformers, which ignores other fields. */
function readBias(modelType: string, fields: Fields): LlamaConfig['bias'] {
  const attention = fields.flag('attention_bias', false);
  const mlp = fields.flag('mlp_bias', false);
  if (modelType === 'llama') return { qkv: attention, o: attention, mlp };
  if (modelType === 'qwen3') return { qkv: attention, o: attention, mlp: false };
  return { qkv: modelType === 'qwen2', o: false, mlp: false };
}

/** Mistral has a window in every layer. Qwen has one with `use_sliding_window`: in layers of `layer_types`, or from `max_window_layers` on. */
function readWindows(modelType: string, fields: Fields, layers: number, maxPositions: number): readonly number[] {
  const sliding = slidingLayers(modelType, fields, layers);
  if (!sliding.includes(true) || fields.raw('sliding_window') === null) return sliding.map(() => 0);
  const window = fields.whole('sliding_window', 4096);
  // A window of all positions has no effect.
  return sliding.map((limited) => (limited && window < maxPositions ? window : 0));
}

function slidingLayers(modelType: string, fields: Fields, layers: number): readonly boolean[] {
  const types = readLayerTypes(fields, layers);
  const each = (limited: (layer: number) => boolean) => Array.from({ length: layers }, (_, layer) => limited(layer));
  if (modelType === 'mistral') return each(() => true);
  if (modelType === 'llama' || !fields.flag('use_sliding_window', false)) return each(() => false);
  if (types !== null) return each((layer) => types[layer] === 'sliding_attention');
  const full = fields.whole('max_window_layers', 28);
  return each((layer) => layer >= full);
}
