/**
 * Phi-3: the blocks of Llama with one fused projection for q, k and v and one for gate and up, without biases. Scaled RoPE
 * (`longrope` of Phi-3.5 and the 128k models) and partial RoPE (Phi-4-mini) are refused.
 */

import { split } from '../../../kernels/columns';
import type { Value } from '../../../kernels/op';
import { swiglu } from '../../../kernels/swiglu';
import type { AttentionConfig, ModelConfig } from '../config';
import type { Fields } from '../config-fields';
import type { Family, Pass, WeightSpec } from '../family';
import { readRope } from '../rope';
import { adapterModules, checkHeads, closeSublayer, decoderWeights, rmsNorm } from './parts';

export interface Phi3Config extends ModelConfig {
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
}

export const phi3: Family<Phi3Config> = {
  modelTypes: ['phi3'],
  architectures: /^Phi3For(CausalLM|SequenceClassification)$/,
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

function selfAttention(pass: Pass, config: Phi3Config, i: number, x: Value): Value {
  const block = `model.layers.${i}`;
  const h = rmsNorm(pass, `${block}.input_layernorm`, x, config.normEps);
  const { q: queryColumns, kv } = columnsOf(config);
  const fused = pass.linear(`${block}.self_attn.qkv_proj`, h);
  const [queries, keys, v] = split(pass.program, fused, [queryColumns, kv, kv]);
  const { q, k } = pass.rotate(i, queries, keys);
  return closeSublayer(
    pass,
    { layer: i, part: 'attention', module: `${block}.self_attn.o_proj`, residual: x },
    pass.attend(i, q, k, v),
  );
}

function feedForward(pass: Pass, config: Phi3Config, i: number, x: Value): Value {
  const block = `model.layers.${i}`;
  const { intermediateSize: f } = config;
  const h = rmsNorm(pass, `${block}.post_attention_layernorm`, x, config.normEps);
  const [gate, up] = split(pass.program, pass.linear(`${block}.mlp.gate_up_proj`, h), [f, f]);
  return closeSublayer(
    pass,
    { layer: i, part: 'mlp', module: `${block}.mlp.down_proj`, residual: x },
    swiglu(pass.program, gate, up),
  );
}

/** Columns of the queries, and of the keys and the values each. */
function columnsOf({ heads, kvHeads, headDim }: Phi3Config): { readonly q: number; readonly kv: number } {
  return { q: heads * headDim, kv: kvHeads * headDim };
}

function weights(config: Phi3Config): readonly WeightSpec[] {
  return decoderWeights(config, (block) => blockWeights(config, block));
}

function blockWeights(config: Phi3Config, block: string): readonly WeightSpec[] {
  const { hiddenSize: c, intermediateSize: f } = config;
  const { q, kv } = columnsOf(config);
  const norm = (module: string): WeightSpec => ({ name: `${block}.${module}.weight`, shape: [c], use: 'vector' });
  const linear = (module: string, inputs: number, outputs: number): WeightSpec => ({
    ...{ name: `${block}.${module}.weight`, shape: [outputs, inputs], use: 'linear' },
  });
  return [
    norm('input_layernorm'),
    linear('self_attn.qkv_proj', c, q + 2 * kv),
    linear('self_attn.o_proj', q, c),
    norm('post_attention_layernorm'),
    linear('mlp.gate_up_proj', c, 2 * f),
    linear('mlp.down_proj', f, c),
  ];
}

function readConfig(fields: Fields, modelType: string): Phi3Config {
  const activation = fields.raw('hidden_act') ?? 'silu';
  if (activation !== 'silu') fields.refuse('hidden_act', `is ${JSON.stringify(activation)}; only "silu" is supported`);
  const layers = fields.whole('num_hidden_layers', 32);
  const maxPositions = fields.whole('max_position_embeddings', 4096);
  const sizes = readSizes(fields);
  const attention = readAttention(fields, sizes, maxPositions);
  return {
    ...{ modelType, ...sizes, layers, maxPositions, firstPosition: 0 },
    attention: Array.from({ length: layers }, () => attention),
    vocabSize: fields.whole('vocab_size', 32064),
    intermediateSize: fields.whole('intermediate_size', 8192),
    normEps: fields.positive('rms_norm_eps', 1e-5),
    tied: fields.flag('tie_word_embeddings', false),
    headless: fields.isOf('architectures', /ForSequenceClassification$/),
    initializerRange: fields.positive('initializer_range', 0.02),
  };
}

type Sizes = Pick<Phi3Config, 'hiddenSize' | 'heads' | 'kvHeads' | 'headDim'>;

/** Files rarely have `head_dim`, but transformers obeys it. */
function readSizes(fields: Fields): Sizes {
  const hiddenSize = fields.whole('hidden_size', 3072);
  const heads = fields.whole('num_attention_heads', 32);
  const kvHeads = fields.whole('num_key_value_heads', heads);
  const headDim = fields.whole('head_dim', Math.max(1, Math.floor(hiddenSize / heads)));
  const sizes = { hiddenSize, heads, kvHeads, headDim };
  if (fields.problems.length === 0) checkHeads(sizes, fields);
  return sizes;
}

/** The same in all layers. A window of all positions has no effect. */
function readAttention(fields: Fields, { heads, kvHeads, headDim }: Sizes, maxPositions: number): AttentionConfig {
  const window = (fields.raw('sliding_window') ?? null) === null ? 0 : fields.whole('sliding_window');
  return {
    ...{ heads, kvHeads, headDim, scale: 1 / Math.sqrt(headDim), causal: true },
    window: window < maxPositions ? window : 0,
    rope: readRope(fields, maxPositions, ['default']),
  };
}
