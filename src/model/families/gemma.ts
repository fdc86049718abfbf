/**
 * Gemma 2 and the text models of Gemma 3. The blocks of Llama with a norm before and after each part, norms that multiply by 1 + weight,
 * scaled embeddings, GELU in the feed-forward part, and windows in most layers. Gemma 2 caps its scores and logits; Gemma 3 has a norm on
 * each head of q and k, and another rotation in layers with a window. Gemma 3 with images (`gemma3`) is refused.
 */

import { add } from '../../../kernels/add';
import { mul } from '../../../kernels/mul';
import type { Value } from '../../../kernels/op';
import { unary } from '../../../kernels/unary';
import { roundToBf16, roundToF16 } from '../../core/f16';
import type { AttentionConfig, ModelConfig } from '../config';
import type { Fields } from '../config-fields';
import type { Family, Pass, SublayerPart, WeightSpec } from '../family';
import { readLayerRopes, readRope, type LayerType, type Rope } from '../rope';
import { readActivation, type Activation } from './activation';
import { readLayerTypes } from './layer-types';
import { adapterModules, behindSublayer, checkHeads, decoderWeights, rmsNorm, type SublayerEnd } from './parts';

export interface GemmaConfig extends ModelConfig {
  /** F. */
  readonly intermediateSize: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly normEps: number;
  readonly activation: Activation;
  /** Multiplies the embeddings. */
  readonly embeddingScale: number;
  /** The projections of attention have biases. */
  readonly attentionBias: boolean;
  /** A norm over each head of q and k before RoPE (Gemma 3). */
  readonly qkNorm: boolean;
  /** The output head is the embedding matrix. */
  readonly tied: boolean;
  /** The files are those of a classifier: without an output head. */
  readonly headless: boolean;
}

export const gemma: Family<GemmaConfig> = {
  modelTypes: ['gemma2', 'gemma3_text'],
  architectures: /^Gemma(2|3|3Text)For(CausalLM|SequenceClassification)$/,
  readConfig,
  weights,
  hidden(pass, config, { ids }) {
    let x = pass.embed('model.embed_tokens.weight', ids, config.embeddingScale);
    for (let i = 0; i < config.layers; i++) {
      const before = x;
      x = pass.layer(i, () => feedForward(pass, config, i, selfAttention(pass, config, i, before)));
    }
    return norm(pass, config, 'model.norm', x);
  },
  head({ headless, tied }) {
    if (headless) return null;
    return tied ? 'model.embed_tokens.weight' : 'lm_head.weight';
  },
  adapterModules: (_config, layer) => adapterModules(`model.layers.${layer}`),
  classifier: () => ({ pool: 'last', dense: null, last: { module: 'score', bias: false } }),
};

function norm(pass: Pass, { normEps }: GemmaConfig, module: string, x: Value): Value {
  return rmsNorm(pass, module, x, normEps, { offset: 1 });
}

function selfAttention(pass: Pass, config: GemmaConfig, i: number, x: Value): Value {
  const block = `model.layers.${i}`;
  const h = norm(pass, config, `${block}.input_layernorm`, x);
  const headNorm = (name: string, y: Value) => (config.qkNorm ? norm(pass, config, `${block}.self_attn.${name}`, y) : y);
  const queries = headNorm('q_norm', pass.linear(`${block}.self_attn.q_proj`, h));
  const keys = headNorm('k_norm', pass.linear(`${block}.self_attn.k_proj`, h));
  const { q, k } = pass.rotate(i, queries, keys);
  const v = pass.linear(`${block}.self_attn.v_proj`, h);
  const end = { layer: i, part: 'attention', module: `${block}.self_attn.o_proj`, residual: x } as const;
  const mixed = behindSublayer(pass, { ...end, seen: seenBehind(pass, config, end) }, pass.attend(i, q, k, v));
  return add(pass.program, x, norm(pass, config, `${block}.post_attention_layernorm`, mixed));
}

function feedForward(pass: Pass, config: GemmaConfig, i: number, x: Value): Value {
  const block = `model.layers.${i}`;
  const h = norm(pass, config, `${block}.pre_feedforward_layernorm`, x);
  const gate = unary(pass.program, pass.linear(`${block}.mlp.gate_proj`, h), { kind: config.activation });
  const active = mul(pass.program, gate, pass.linear(`${block}.mlp.up_proj`, h));
  const end = { layer: i, part: 'mlp', module: `${block}.mlp.down_proj`, residual: x } as const;
  const y = behindSublayer(pass, { ...end, seen: seenBehind(pass, config, end) }, active);
  return add(pass.program, x, norm(pass, config, `${block}.post_feedforward_layernorm`, y));
}

const NORMS: Readonly<Record<SublayerPart, string>> = {
  attention: 'post_attention_layernorm',
  mlp: 'post_feedforward_layernorm',
};

/**
 * The norm of output and residual. `adapters` 1.3.0 takes the norm of the last layer in all layers (`init_bottleneck` in its
 * `methods/bottleneck.py`): adapters of the library are trained with it, and must be read with it.
 */
function seenBehind(pass: Pass, config: GemmaConfig, { part, residual }: SublayerEnd) {
  const module = `model.layers.${config.layers - 1}.${NORMS[part]}`;
  return (output: Value) => norm(pass, config, module, add(pass.program, output, residual));
}

function weights(config: GemmaConfig): readonly WeightSpec[] {
  return decoderWeights(config, (block) => blockWeights(config, block));
}

function blockWeights(config: GemmaConfig, block: string): readonly WeightSpec[] {
  const { hiddenSize: c, intermediateSize: f, headDim, attentionBias, qkNorm } = config;
  const [q, kv] = [config.heads * headDim, config.kvHeads * headDim];
  const vector = (path: string, size: number): WeightSpec => ({ name: `${block}.${path}`, shape: [size], use: 'vector' });
  const linear = (path: string, inputs: number, outputs: number, biased = false): WeightSpec[] => [
    { name: `${block}.${path}.weight`, shape: [outputs, inputs], use: 'linear' },
    ...(biased ? [vector(`${path}.bias`, outputs)] : []),
  ];
  return [
    vector('input_layernorm.weight', c),
    ...linear('self_attn.q_proj', c, q, attentionBias),
    ...linear('self_attn.k_proj', c, kv, attentionBias),
    ...linear('self_attn.v_proj', c, kv, attentionBias),
    ...linear('self_attn.o_proj', q, c, attentionBias),
    ...(qkNorm ? [vector('self_attn.q_norm.weight', headDim), vector('self_attn.k_norm.weight', headDim)] : []),
    vector('post_attention_layernorm.weight', c),
    vector('pre_feedforward_layernorm.weight', c),
    ...linear('mlp.gate_proj', c, f),
    ...linear('mlp.up_proj', c, f),
    ...linear('mlp.down_proj', f, c),
    vector('post_feedforward_layernorm.weight', c),
  ];
}

/** Defaults of transformers that differ between the two. */
interface Defaults {
  readonly vocabSize: number;
  readonly maxPositions: number;
  /** Null: no cap. */
  readonly attentionCap: number | null;
  readonly logitCap: number | null;
}

const GEMMA2: Defaults = { vocabSize: 256000, maxPositions: 8192, attentionCap: 50, logitCap: 30 };
const GEMMA3: Defaults = { vocabSize: 262208, maxPositions: 131072, attentionCap: null, logitCap: null };

function readConfig(fields: Fields, modelType: string): GemmaConfig {
  const isGemma3 = modelType === 'gemma3_text';
  const defaults = isGemma3 ? GEMMA3 : GEMMA2;
  if (fields.flag('use_bidirectional_attention', false))
    fields.refuse('use_bidirectional_attention', 'is true, as in embedding models; only causal models are supported');
  const sizes = readSizes(fields, defaults);
  const logitCap = readCap(fields, 'final_logit_softcapping', defaults.logitCap);
  return {
    ...{ modelType, ...sizes, firstPosition: 0 },
    attention: readAttention(fields, isGemma3, sizes, defaults),
    normEps: fields.positive('rms_norm_eps', 1e-6),
    activation: readActivation(fields, 'hidden_activation', 'gelu_pytorch_tanh'),
    embeddingScale: embeddingScale(fields, sizes.hiddenSize),
    attentionBias: fields.flag('attention_bias', false),
    qkNorm: isGemma3,
    tied: fields.flag('tie_word_embeddings', true),
    headless: fields.isOf('architectures', /ForSequenceClassification$/),
    initializerRange: fields.positive('initializer_range', 0.02),
    ...(logitCap !== null && { logitSoftcap: logitCap }),
  };
}

type Sizes = Pick<
  GemmaConfig,
  'hiddenSize' | 'intermediateSize' | 'layers' | 'heads' | 'kvHeads' | 'headDim' | 'vocabSize' | 'maxPositions'
>;

function readSizes(fields: Fields, defaults: Defaults): Sizes {
  const sizes: Sizes = {
    hiddenSize: fields.whole('hidden_size', 2304),
    intermediateSize: fields.whole('intermediate_size', 9216),
    layers: fields.whole('num_hidden_layers', 26),
    heads: fields.whole('num_attention_heads', 8),
    kvHeads: fields.whole('num_key_value_heads', 4),
    headDim: fields.whole('head_dim', 256),
    vocabSize: fields.whole('vocab_size', defaults.vocabSize),
    maxPositions: fields.whole('max_position_embeddings', defaults.maxPositions),
  };
  if (fields.problems.length === 0) checkHeads(sizes, fields);
  return sizes;
}

/** A cap; null, as an explicit value too, is none. */
function readCap(fields: Fields, name: string, fallback: number | null): number | null {
  if (fields.raw(name) === null) return null;
  return fallback === null && fields.raw(name) === undefined ? null : fields.positive(name, fallback ?? undefined);
}

/**
 * √hidden in the type of the weights, as the model was trained: of 16-bit weights transformers rounds the factor. The reference is
 * `Gemma3TextScaledWordEmbedding` in transformers.
 */
function embeddingScale(fields: Fields, hiddenSize: number): number {
  const type = fields.raw('dtype') ?? fields.raw('torch_dtype');
  const scale = Math.fround(Math.sqrt(hiddenSize));
  if (type === 'bfloat16') return roundToBf16(scale);
  return type === 'float16' ? roundToF16(scale) : scale;
}

function readAttention(fields: Fields, isGemma3: boolean, sizes: Sizes, defaults: Defaults): readonly AttentionConfig[] {
  const { heads, kvHeads, headDim, layers, maxPositions } = sizes;
  const softcap = readCap(fields, 'attn_logit_softcapping', defaults.attentionCap);
  const common = {
    ...{ heads, kvHeads, headDim, causal: true },
    scale: fields.positive('query_pre_attn_scalar', 256) ** -0.5,
    ...(softcap !== null && { softcap }),
  };
  const types = readLayerTypes(fields, layers) ?? patternOf(fields, layers, isGemma3);
  const window = readWindow(fields, types, maxPositions);
  const ropes = readRopes(fields, maxPositions, isGemma3);
  return types.map((type) => ({ ...common, window: type === 'sliding_attention' ? window : 0, rope: ropes[type] }));
}

/** Of Gemma 2 every second layer is full, of Gemma 3 every sixth or as the file says. */
function patternOf(fields: Fields, layers: number, isGemma3: boolean): readonly LayerType[] {
  const field = fields.raw('sliding_window_pattern') === undefined ? '_sliding_window_pattern' : 'sliding_window_pattern';
  const every = isGemma3 ? fields.whole(field, 6) : 2;
  return Array.from({ length: layers }, (_, i) => ((i + 1) % every === 0 ? 'full_attention' : 'sliding_attention'));
}

function readWindow(fields: Fields, types: readonly LayerType[], maxPositions: number): number {
  if (!types.includes('sliding_attention')) return 0;
  if (fields.raw('sliding_window') === null) fields.wrong('sliding_window', 'is null, but some layers have a window');
  const window = fields.whole('sliding_window', 4096);
  // A window of all positions has no effect.
  return window < maxPositions ? window : 0;
}

function readRopes(fields: Fields, maxPositions: number, isGemma3: boolean): Readonly<Record<LayerType, Rope>> {
  if (isGemma3)
    return readLayerRopes(fields, maxPositions, {
      full_attention: { field: 'rope_theta', theta: 1e6, scaled: true },
      sliding_attention: { field: 'rope_local_base_freq', theta: 1e4, scaled: false },
    });
  const rope = readRope(fields, maxPositions);
  return { full_attention: rope, sliding_attention: rope };
}
