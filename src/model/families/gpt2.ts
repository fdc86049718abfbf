/** GPT-2: pre-norm blocks with LayerNorm, learned positions, one fused projection for q, k and v, and an ungated feed-forward part. */

import { add } from '../../../kernels/add';
import { split } from '../../../kernels/columns';
import type { Value } from '../../../kernels/op';
import { unary } from '../../../kernels/unary';
import type { ModelConfig } from '../config';
import type { Fields } from '../config-fields';
import type { Family, Pass, WeightSpec } from '../family';
import { readActivation, type Activation } from './activation';
import { adapterModules, closeSublayer, layerNorm, layerNormWeights, linearWeights } from './parts';

export interface Gpt2Config extends ModelConfig {
  /** F. */
  readonly intermediateSize: number;
  readonly normEps: number;
  readonly activation: Activation;
  readonly tied: boolean;
  /** The files are those of a classifier: without an output head. */
  readonly headless: boolean;
}

export const gpt2: Family<Gpt2Config> = {
  modelTypes: ['gpt2'],
  architectures: /^GPT2(LMHeadModel|ForSequenceClassification)$/,
  readConfig,
  weights,
  hidden(pass, config, { ids, positions }) {
    const embedded = pass.embed('transformer.wte.weight', ids);
    let x = add(pass.program, embedded, pass.embed('transformer.wpe.weight', positions));
    for (let i = 0; i < config.layers; i++) {
      const before = x;
      x = pass.layer(i, () => feedForward(pass, config, i, selfAttention(pass, config, i, before)));
    }
    return layerNorm(pass, 'transformer.ln_f', x, config.normEps);
  },
  head({ headless, tied }) {
    if (headless) return null;
    return tied ? 'transformer.wte.weight' : 'lm_head.weight';
  },
  adapterModules: (_config, layer) => adapterModules(`transformer.h.${layer}`),
  classifier: () => ({ pool: 'last', dense: null, last: { module: 'score', bias: false } }),
};

function selfAttention(pass: Pass, config: Gpt2Config, i: number, x: Value): Value {
  const block = `transformer.h.${i}`;
  const { hiddenSize: c } = config;
  const h = layerNorm(pass, `${block}.ln_1`, x, config.normEps);
  const [q, k, v] = split(pass.program, pass.linear(`${block}.attn.c_attn`, h), [c, c, c]);
  return closeSublayer(
    pass,
    { layer: i, part: 'attention', module: `${block}.attn.c_proj`, residual: x },
    pass.attend(i, q, k, v),
  );
}

function feedForward(pass: Pass, config: Gpt2Config, i: number, x: Value): Value {
  const block = `transformer.h.${i}`;
  const h = layerNorm(pass, `${block}.ln_2`, x, config.normEps);
  const active = unary(pass.program, pass.linear(`${block}.mlp.c_fc`, h), { kind: config.activation });
  return closeSublayer(pass, { layer: i, part: 'mlp', module: `${block}.mlp.c_proj`, residual: x }, active);
}

/** The hub's first GPT-2 files name the tensors without `transformer.`; its Conv1D weights are [in, out]. */
function weights(config: Gpt2Config): readonly WeightSpec[] {
  const { hiddenSize: c, vocabSize: v } = config;
  const blocks = Array.from({ length: config.layers }, (_, layer) => blockWeights(config, `h.${layer}`)).flat();
  const body: readonly WeightSpec[] = [
    { name: 'wte.weight', shape: [v, c], use: 'embedding' },
    { name: 'wpe.weight', shape: [config.maxPositions, c], use: 'embedding' },
    ...blocks,
    ...layerNormWeights('ln_f', c),
  ];
  return [
    ...body.map((spec) => ({ ...spec, name: `transformer.${spec.name}`, aliases: [spec.name] })),
    ...(config.tied || config.headless ? [] : [{ name: 'lm_head.weight', shape: [v, c], use: 'head' } as const]),
  ];
}

function blockWeights({ hiddenSize: c, intermediateSize: f }: Gpt2Config, block: string): readonly WeightSpec[] {
  const conv1d = (path: string, inputs: number, outputs: number) =>
    linearWeights(`${block}.${path}`, inputs, outputs).map((spec) =>
      spec.use === 'linear' ? { ...spec, transposed: true } : spec,
    );
  return [
    ...layerNormWeights(`${block}.ln_1`, c),
    ...conv1d('attn.c_attn', c, 3 * c),
    ...conv1d('attn.c_proj', c, c),
    ...layerNormWeights(`${block}.ln_2`, c),
    ...conv1d('mlp.c_fc', c, f),
    ...conv1d('mlp.c_proj', f, c),
  ];
}

function readConfig(fields: Fields, modelType: string): Gpt2Config {
  const hiddenSize = fields.whole('n_embd', 768);
  const heads = fields.whole('n_head', 12);
  const layers = fields.whole('n_layer', 12);
  const maxPositions = fields.whole('n_positions', 1024);
  if (hiddenSize % heads !== 0) fields.wrong('n_head', `is ${heads}, which does not divide n_embd ${hiddenSize}`);
  return {
    ...{ modelType, hiddenSize, layers, maxPositions, firstPosition: 0 },
    vocabSize: fields.whole('vocab_size', 50257),
    intermediateSize: fields.whole('n_inner', 4 * hiddenSize),
    attention: readAttention(fields, { heads, headDim: Math.max(1, Math.floor(hiddenSize / heads)), layers }),
    normEps: fields.positive('layer_norm_epsilon', 1e-5),
    activation: readActivation(fields, 'activation_function', 'gelu_new'),
    tied: fields.flag('tie_word_embeddings', true),
    headless: fields.isOf('architectures', /ForSequenceClassification$/),
    initializerRange: fields.positive('initializer_range', 0.02),
  };
}

function readAttention(
  fields: Fields,
  { heads, headDim, layers }: { heads: number; headDim: number; layers: number },
): Gpt2Config['attention'] {
  const base = fields.flag('scale_attn_weights', true) ? 1 / Math.sqrt(headDim) : 1;
  const byLayer = fields.flag('scale_attn_by_inverse_layer_idx', false);
  if (fields.flag('add_cross_attention', false)) fields.refuse('add_cross_attention', 'is true; only decoders are supported');
  return Array.from({ length: layers }, (_, layer) => ({
    ...{ heads, kvHeads: heads, headDim, window: 0, causal: true, rope: null },
    scale: byLayer ? base / (layer + 1) : base,
  }));
}
