/**
 * ModernBERT (arXiv 2412.13663): an encoder with pre-norm blocks, rotary positions, a gated feed-forward part and LayerNorms without
 * biases. Two of three layers have a window, and a rotation of their own. Classifiers pool the first token or the mean.
 */

import { add } from '../../../kernels/add';
import { split } from '../../../kernels/columns';
import { layernorm } from '../../../kernels/layernorm';
import { mul } from '../../../kernels/mul';
import type { Value } from '../../../kernels/op';
import { unary } from '../../../kernels/unary';
import type { AttentionConfig, ModelConfig } from '../config';
import type { Fields } from '../config-fields';
import type { ClassifierHead, Family, Pass, WeightSpec } from '../family';
import { readLayerRopes, type LayerType } from '../rope';
import { readActivation, type Activation } from './activation';
import { readLayerTypes } from './layer-types';
import { adapterModules, closeSublayer } from './parts';

export interface ModernbertConfig extends ModelConfig {
  /** F. */
  readonly intermediateSize: number;
  readonly normEps: number;
  readonly activation: Activation;
  /** Which layers have a bias. */
  readonly bias: { readonly norm: boolean; readonly attention: boolean; readonly mlp: boolean };
  readonly head: {
    /** The files have it. */
    readonly stored: boolean;
    readonly pool: 'first' | 'mean';
    readonly activation: Activation;
    readonly bias: boolean;
  };
}

export const modernbert: Family<ModernbertConfig> = {
  modelTypes: ['modernbert'],
  architectures: /^ModernBert(Model|ForMaskedLM|ForSequenceClassification)$/,
  readConfig,
  weights,
  hidden(pass, config, { ids }) {
    let x = norm(pass, config, 'model.embeddings.norm', pass.embed('model.embeddings.tok_embeddings.weight', ids));
    for (let i = 0; i < config.layers; i++) {
      const before = x;
      x = pass.layer(i, () => feedForward(pass, config, i, selfAttention(pass, config, i, before)));
    }
    return norm(pass, config, 'model.final_norm', x);
  },
  head: () => null,
  adapterModules: (_config, layer) => adapterModules(`model.layers.${layer}`),
  classifier,
};

function norm(pass: Pass, { normEps, bias }: ModernbertConfig, module: string, x: Value): Value {
  return layernorm(pass.program, x, pass.weight(`${module}.weight`), bias.norm ? pass.weight(`${module}.bias`) : null, normEps);
}

/**
 * The first layer has no norm before its attention: the embeddings are normalised already. The `adapters` library takes the normalised
 * inputs of both sublayers for their residuals.
 */
function selfAttention(pass: Pass, config: ModernbertConfig, i: number, x: Value): Value {
  const block = `model.layers.${i}`;
  const { hiddenSize: c } = config;
  const h = i === 0 ? x : norm(pass, config, `${block}.attn_norm`, x);
  const [queries, keys, v] = split(pass.program, pass.linear(`${block}.attn.Wqkv`, h), [c, c, c]);
  const { q, k } = pass.rotate(i, queries, keys);
  const seen = (output: Value) => add(pass.program, output, h);
  return closeSublayer(
    pass,
    { layer: i, part: 'attention', module: `${block}.attn.Wo`, residual: x, seen },
    pass.attend(i, q, k, v),
  );
}

function feedForward(pass: Pass, config: ModernbertConfig, i: number, x: Value): Value {
  const block = `model.layers.${i}`;
  const { intermediateSize: f, activation } = config;
  const h = norm(pass, config, `${block}.mlp_norm`, x);
  const [input, gate] = split(pass.program, pass.linear(`${block}.mlp.Wi`, h), [f, f]);
  const active = mul(pass.program, unary(pass.program, input, { kind: activation }), gate);
  const seen = (output: Value) => add(pass.program, output, h);
  return closeSublayer(pass, { layer: i, part: 'mlp', module: `${block}.mlp.Wo`, residual: x, seen }, active);
}

/**
 * The dense layer and its norm are those of masked language modelling, and stay as they were pre-trained, as in PEFT. New layers start as
 * transformers' `_init_weights` says.
 */
function classifier({ head, bias, normEps, hiddenSize, layers, initializerRange }: ModernbertConfig): ClassifierHead {
  return {
    pool: head.pool,
    dense: {
      ...{ module: 'head.dense', activation: head.activation, bias: head.bias, isNew: !head.stored },
      norm: { module: 'head.norm', bias: bias.norm, eps: normEps },
      init: { kind: 'normal', deviation: initializerRange / Math.sqrt(2 * layers), cut: CUT },
    },
    last: { module: 'classifier', bias: true, init: { kind: 'normal', deviation: hiddenSize ** -0.5, cut: CUT } },
  };
}

/** `initializer_cutoff_factor`, which no released model changes. */
const CUT = 2;

/** Files of the bare model have no prefix. */
function weights(config: ModernbertConfig): readonly WeightSpec[] {
  const { hiddenSize: c, intermediateSize: f, bias, head } = config;
  const vector = (name: string, size: number): WeightSpec => ({ name, shape: [size], use: 'vector' });
  const normOf = (module: string) => ['weight', ...(bias.norm ? ['bias'] : [])].map((part) => vector(`${module}.${part}`, c));
  const linear = (module: string, inputs: number, outputs: number, biased: boolean): WeightSpec[] => [
    { name: `${module}.weight`, shape: [outputs, inputs], use: 'linear' },
    ...(biased ? [vector(`${module}.bias`, outputs)] : []),
  ];
  const block = (i: number): WeightSpec[] => [
    ...(i === 0 ? [] : normOf(`layers.${i}.attn_norm`)),
    ...linear(`layers.${i}.attn.Wqkv`, c, 3 * c, bias.attention),
    ...linear(`layers.${i}.attn.Wo`, c, c, bias.attention),
    ...normOf(`layers.${i}.mlp_norm`),
    ...linear(`layers.${i}.mlp.Wi`, c, 2 * f, bias.mlp),
    ...linear(`layers.${i}.mlp.Wo`, f, c, bias.mlp),
  ];
  const bare: readonly WeightSpec[] = [
    { name: 'embeddings.tok_embeddings.weight', shape: [config.vocabSize, c], use: 'embedding' },
    ...normOf('embeddings.norm'),
    ...Array.from({ length: config.layers }, (_, i) => block(i)).flat(),
    ...normOf('final_norm'),
  ];
  const ofHead = head.stored ? [...linear('head.dense', c, c, head.bias), ...normOf('head.norm')] : [];
  return [...bare.map((spec) => ({ ...spec, name: `model.${spec.name}`, aliases: [spec.name] })), ...ofHead];
}

function readConfig(fields: Fields, modelType: string): ModernbertConfig {
  const hiddenSize = fields.whole('hidden_size', 768);
  const layers = fields.whole('num_hidden_layers', 22);
  const maxPositions = fields.whole('max_position_embeddings', 8192);
  return {
    ...{ modelType, hiddenSize, layers, maxPositions, firstPosition: 0 },
    vocabSize: fields.whole('vocab_size', 50368),
    intermediateSize: fields.whole('intermediate_size', 1152),
    attention: readAttention(fields, hiddenSize, layers, maxPositions),
    normEps: fields.positive('norm_eps', 1e-5),
    activation: readActivation(fields, 'hidden_activation', 'gelu'),
    bias: {
      norm: fields.flag('norm_bias', false),
      attention: fields.flag('attention_bias', false),
      mlp: fields.flag('mlp_bias', false),
    },
    head: {
      stored: !fields.isOf('architectures', /^ModernBertModel$/),
      pool: readPooling(fields),
      activation: readActivation(fields, 'classifier_activation', 'gelu'),
      bias: fields.flag('classifier_bias', false),
    },
    initializerRange: fields.positive('initializer_range', 0.02),
  };
}

function readPooling(fields: Fields): ModernbertConfig['head']['pool'] {
  const pooling = fields.raw('classifier_pooling') ?? 'cls';
  if (pooling !== 'cls' && pooling !== 'mean')
    fields.refuse('classifier_pooling', `is ${JSON.stringify(pooling)}; supported are "cls" and "mean"`);
  return pooling === 'mean' ? 'mean' : 'first';
}

function readAttention(fields: Fields, hiddenSize: number, layers: number, maxPositions: number): readonly AttentionConfig[] {
  const heads = fields.whole('num_attention_heads', 12);
  const headDim = Math.max(1, Math.floor(hiddenSize / heads));
  if (hiddenSize % heads !== 0)
    fields.wrong('num_attention_heads', `is ${heads}, which does not divide the hidden_size ${hiddenSize}`);
  else if (headDim % 2 !== 0)
    fields.wrong('num_attention_heads', `gives heads of ${headDim} numbers; rotary positions need an even number`);
  const common = { heads, kvHeads: heads, headDim, scale: 1 / Math.sqrt(headDim), causal: false };
  // Tokens see as many positions on each side as half of this.
  const window = Math.floor(fields.whole('local_attention', 128) / 2) + 1;
  const ropes = readLayerRopes(fields, maxPositions, {
    full_attention: { field: 'global_rope_theta', theta: 160000, scaled: true },
    sliding_attention: { field: 'local_rope_theta', theta: 10000, scaled: true },
  });
  const every = fields.whole('global_attn_every_n_layers', 3);
  const types =
    readLayerTypes(fields, layers) ??
    Array.from({ length: layers }, (_, i): LayerType => (i % every === 0 ? 'full_attention' : 'sliding_attention'));
  return types.map((type) => ({
    ...{ ...common, rope: ropes[type] },
    window: type === 'sliding_attention' && window < maxPositions ? window : 0,
  }));
}
