/** DistilBERT: BERT's blocks without token types and pooler, with names of its own. */

import { add } from '../../../kernels/add';
import type { Value } from '../../../kernels/op';
import { unary } from '../../../kernels/unary';
import type { ModelConfig } from '../config';
import type { Fields } from '../config-fields';
import type { Family, Pass, SublayerPart, WeightSpec } from '../family';
import { readActivation, type Activation } from './activation';
import { adapterModules, closeSublayer, layerNorm, layerNormWeights, linearWeights, type SublayerEnd } from './parts';

export interface DistilbertConfig extends ModelConfig {
  /** F. */
  readonly intermediateSize: number;
  readonly activation: Activation;
}

const NORM_EPS = 1e-12;
const EMBEDDINGS = 'distilbert.embeddings';

export const distilbert: Family<DistilbertConfig> = {
  modelTypes: ['distilbert'],
  architectures: /^DistilBert(Model|ForMaskedLM|ForSequenceClassification)$/,
  readConfig,
  weights,
  hidden(pass, config, { ids, positions }) {
    const words = pass.embed(`${EMBEDDINGS}.word_embeddings.weight`, ids);
    const sum = add(pass.program, words, pass.embed(`${EMBEDDINGS}.position_embeddings.weight`, positions));
    let x = layerNorm(pass, `${EMBEDDINGS}.LayerNorm`, sum, NORM_EPS);
    for (let i = 0; i < config.layers; i++) {
      const before = x;
      x = pass.layer(i, () => feedForward(pass, config, i, selfAttention(pass, i, before)));
    }
    return x;
  },
  head: () => null,
  adapterModules: (_config, layer) => adapterModules(`distilbert.transformer.layer.${layer}`),
  classifier: () => ({
    pool: 'first',
    dense: { module: 'pre_classifier', bias: true, activation: 'relu', isNew: true },
    last: { module: 'classifier', bias: true },
  }),
};

function selfAttention(pass: Pass, i: number, x: Value): Value {
  const block = `distilbert.transformer.layer.${i}`;
  const project = (name: string) => pass.linear(`${block}.attention.${name}`, x);
  const mixed = pass.attend(i, project('q_lin'), project('k_lin'), project('v_lin'));
  return closeNormed(pass, { layer: i, part: 'attention', module: `${block}.attention.out_lin`, residual: x }, mixed);
}

function feedForward(pass: Pass, { activation }: DistilbertConfig, i: number, x: Value): Value {
  const block = `distilbert.transformer.layer.${i}`;
  const active = unary(pass.program, pass.linear(`${block}.ffn.lin1`, x), { kind: activation });
  return closeNormed(pass, { layer: i, part: 'mlp', module: `${block}.ffn.lin2`, residual: x }, active);
}

const NORMS: Readonly<Record<SublayerPart, string>> = { attention: 'sa_layer_norm', mlp: 'output_layer_norm' };

/** The norm of the sum of residual and sublayer. */
function closeNormed(pass: Pass, end: SublayerEnd, x: Value): Value {
  const module = `distilbert.transformer.layer.${end.layer}.${NORMS[end.part]}`;
  const norm = (sum: Value) => layerNorm(pass, module, sum, NORM_EPS);
  const seen = (output: Value) => norm(add(pass.program, output, end.residual));
  return norm(closeSublayer(pass, { ...end, seen }, x));
}

/** Files of the bare model have no prefix. */
function weights(config: DistilbertConfig): readonly WeightSpec[] {
  const { hiddenSize: c } = config;
  const blocks = Array.from({ length: config.layers }, (_, layer) => blockWeights(config, `transformer.layer.${layer}`)).flat();
  const all: readonly WeightSpec[] = [
    { name: 'embeddings.word_embeddings.weight', shape: [config.vocabSize, c], use: 'embedding' },
    { name: 'embeddings.position_embeddings.weight', shape: [config.maxPositions, c], use: 'embedding' },
    ...layerNormWeights('embeddings.LayerNorm', c),
    ...blocks,
  ];
  return all.map((spec) => ({ ...spec, name: `distilbert.${spec.name}`, aliases: [spec.name] }));
}

function blockWeights({ hiddenSize: c, intermediateSize: f }: DistilbertConfig, block: string): readonly WeightSpec[] {
  return [
    ...['q_lin', 'k_lin', 'v_lin', 'out_lin'].flatMap((name) => linearWeights(`${block}.attention.${name}`, c, c)),
    ...layerNormWeights(`${block}.sa_layer_norm`, c),
    ...linearWeights(`${block}.ffn.lin1`, c, f),
    ...linearWeights(`${block}.ffn.lin2`, f, c),
    ...layerNormWeights(`${block}.output_layer_norm`, c),
  ];
}

function readConfig(fields: Fields, modelType: string): DistilbertConfig {
  const hiddenSize = fields.whole('dim', 768);
  const heads = fields.whole('n_heads', 12);
  const layers = fields.whole('n_layers', 6);
  if (hiddenSize % heads !== 0) fields.wrong('n_heads', `is ${heads}, which does not divide dim ${hiddenSize}`);
  const headDim = Math.max(1, Math.floor(hiddenSize / heads));
  const attention = { heads, kvHeads: heads, headDim, scale: 1 / Math.sqrt(headDim), window: 0, causal: false, rope: null };
  return {
    ...{ modelType, hiddenSize, layers, firstPosition: 0, maxPositions: fields.whole('max_position_embeddings', 512) },
    vocabSize: fields.whole('vocab_size', 30522),
    intermediateSize: fields.whole('hidden_dim', 3072),
    attention: Array.from({ length: layers }, () => attention),
    activation: readActivation(fields, 'activation', 'gelu'),
    initializerRange: fields.positive('initializer_range', 0.02),
  };
}
