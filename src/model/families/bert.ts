/** BERT and RoBERTa: encoders with post-norm blocks, learned positions and token types. Every token sees every other of its document. */

import { internal } from '../../core/errors';
import { add } from '../../../kernels/add';
import type { Value } from '../../../kernels/op';
import { unary } from '../../../kernels/unary';
import type { ModelConfig } from '../config';
import type { Fields } from '../config-fields';
import type { ClassifierHead, Family, Pass, Tokens, WeightSpec } from '../family';
import { readActivation, type Activation } from './activation';
import { closeSublayer, layerNorm, layerNormWeights, linearWeights, type SublayerEnd } from './parts';

export interface BertConfig extends ModelConfig {
  /** F. */
  readonly intermediateSize: number;
  readonly normEps: number;
  readonly activation: Activation;
  readonly typeVocabSize: number;
  /** The files have a pooler. */
  readonly pooler: boolean;
}

export const bert: Family<BertConfig> = {
  modelTypes: ['bert', 'roberta'],
  architectures: /^(Bert|Roberta)(Model|ForMaskedLM|ForPreTraining|ForSequenceClassification)$/,
  readConfig,
  weights,
  hidden(pass, config, tokens) {
    let x = embeddings(pass, config, tokens);
    for (let i = 0; i < config.layers; i++) {
      const before = x;
      x = pass.layer(i, () => feedForward(pass, config, i, selfAttention(pass, config, i, before)));
    }
    return x;
  },
  head: () => null,
  adapterModules({ modelType }, layer) {
    const block = `${modelType}.encoder.layer.${layer}`;
    return { attention: `${block}.attention.output`, mlp: `${block}.output` };
  },
  classifier,
};

function embeddings(pass: Pass, config: BertConfig, { ids, positions, types }: Tokens): Value {
  if (types === null) throw internal(`${config.modelType} needs the type of each token`);
  const embed = (table: string, rows: Value) => pass.embed(`${config.modelType}.embeddings.${table}.weight`, rows);
  const words = add(pass.program, embed('word_embeddings', ids), embed('token_type_embeddings', types));
  const sum = add(pass.program, words, embed('position_embeddings', positions));
  return layerNorm(pass, `${config.modelType}.embeddings.LayerNorm`, sum, config.normEps);
}

function selfAttention(pass: Pass, config: BertConfig, i: number, x: Value): Value {
  const block = `${config.modelType}.encoder.layer.${i}.attention`;
  const [q, k, v] = (['query', 'key', 'value'] as const).map((name) => pass.linear(`${block}.self.${name}`, x));
  if (q === undefined || k === undefined || v === undefined) throw internal('attention without its projections');
  return closeNormed(
    pass,
    config,
    { layer: i, part: 'attention', module: `${block}.output`, residual: x },
    pass.attend(i, q, k, v),
  );
}

function feedForward(pass: Pass, config: BertConfig, i: number, x: Value): Value {
  const block = `${config.modelType}.encoder.layer.${i}`;
  const active = unary(pass.program, pass.linear(`${block}.intermediate.dense`, x), { kind: config.activation });
  return closeNormed(pass, config, { layer: i, part: 'mlp', module: `${block}.output`, residual: x }, active);
}

/** The norm of the sum of residual and sublayer. */
function closeNormed(pass: Pass, { normEps }: BertConfig, { module, ...end }: SublayerEnd, x: Value): Value {
  const norm = (sum: Value) => layerNorm(pass, `${module}.LayerNorm`, sum, normEps);
  const seen = (output: Value) => norm(add(pass.program, output, end.residual));
  return norm(closeSublayer(pass, { ...end, module: `${module}.dense`, seen }, x));
}

/** BERT's pooler stays as it was pre-trained where the files have one, as in PEFT. RoBERTa's classifier has a dense layer of its own. */
function classifier({ modelType, pooler }: BertConfig): ClassifierHead {
  const last = modelType === 'roberta' ? 'classifier.out_proj' : 'classifier';
  const dense =
    modelType === 'roberta'
      ? { module: 'classifier.dense', bias: true, activation: 'tanh', isNew: true }
      : { module: 'bert.pooler.dense', bias: true, activation: 'tanh', isNew: !pooler };
  return { pool: 'first', dense: dense as ClassifierHead['dense'], last: { module: last, bias: true } };
}

/** Files of the bare model have no prefix; the oldest call the norms gamma and beta. */
function weights(config: BertConfig): readonly WeightSpec[] {
  const { hiddenSize: c, modelType } = config;
  const table = (name: string, rows: number): WeightSpec => ({
    name: `embeddings.${name}.weight`,
    shape: [rows, c],
    use: 'embedding',
  });
  const blocks = Array.from({ length: config.layers }, (_, layer) => blockWeights(config, `encoder.layer.${layer}`)).flat();
  const all: readonly WeightSpec[] = [
    table('word_embeddings', config.vocabSize),
    table('position_embeddings', config.firstPosition + config.maxPositions),
    table('token_type_embeddings', config.typeVocabSize),
    ...layerNormWeights('embeddings.LayerNorm', c),
    ...blocks,
    ...(config.pooler ? linearWeights('pooler.dense', c, c) : []),
  ];
  return all.map((spec) => ({ ...spec, name: `${modelType}.${spec.name}`, aliases: aliasesOf(spec.name, modelType) }));
}

function aliasesOf(name: string, modelType: string): readonly string[] {
  const older = name.replace('LayerNorm.weight', 'LayerNorm.gamma').replace('LayerNorm.bias', 'LayerNorm.beta');
  return [name, ...(older === name ? [] : [older, `${modelType}.${older}`])];
}

function blockWeights({ hiddenSize: c, intermediateSize: f }: BertConfig, block: string): readonly WeightSpec[] {
  return [
    ...linearWeights(`${block}.attention.self.query`, c, c),
    ...linearWeights(`${block}.attention.self.key`, c, c),
    ...linearWeights(`${block}.attention.self.value`, c, c),
    ...linearWeights(`${block}.attention.output.dense`, c, c),
    ...layerNormWeights(`${block}.attention.output.LayerNorm`, c),
    ...linearWeights(`${block}.intermediate.dense`, c, f),
    ...linearWeights(`${block}.output.dense`, f, c),
    ...layerNormWeights(`${block}.output.LayerNorm`, c),
  ];
}

function readConfig(fields: Fields, modelType: string): BertConfig {
  const hiddenSize = fields.whole('hidden_size', 768);
  const heads = fields.whole('num_attention_heads', 12);
  const layers = fields.whole('num_hidden_layers', 12);
  if (hiddenSize % heads !== 0)
    fields.wrong('num_attention_heads', `is ${heads}, which does not divide the hidden_size ${hiddenSize}`);
  const headDim = Math.max(1, Math.floor(hiddenSize / heads));
  const kind = fields.raw('position_embedding_type') ?? 'absolute';
  if (kind !== 'absolute') fields.refuse('position_embedding_type', `is ${JSON.stringify(kind)}; only "absolute" is supported`);
  if (fields.flag('is_decoder', false)) fields.refuse('is_decoder', 'is true; only encoders are supported');
  const positions = fields.whole('max_position_embeddings', 512);
  // RoBERTa's positions begin after that of the padding token.
  const firstPosition = modelType === 'roberta' ? (fields.ids('pad_token_id')[0] ?? 1) + 1 : 0;
  const attention = { heads, kvHeads: heads, headDim, scale: 1 / Math.sqrt(headDim), window: 0, causal: false, rope: null };
  return {
    ...{ modelType, hiddenSize, layers, firstPosition, maxPositions: Math.max(1, positions - firstPosition) },
    vocabSize: fields.whole('vocab_size', 30522),
    intermediateSize: fields.whole('intermediate_size', 3072),
    attention: Array.from({ length: layers }, () => attention),
    normEps: fields.positive('layer_norm_eps', 1e-12),
    activation: readActivation(fields, 'hidden_act', 'gelu'),
    typeVocabSize: fields.whole('type_vocab_size', 2),
    pooler: modelType === 'bert' && !fields.isOf('architectures', /ForMaskedLM$/),
    initializerRange: fields.positive('initializer_range', 0.02),
  };
}
