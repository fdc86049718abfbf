/** Parses and validates config.json of the Llama family, and lists the tensors that the weights must have. */

import type { Problem } from '../core/errors';
import { problemsError } from './problems';
import { Fields } from './config-fields';
import { readRope, type Rope } from './rope';

export { ropeFrequencies, ropeTables } from './rope';

export const FAMILIES = ['llama', 'mistral', 'qwen2', 'qwen3'] as const;
export type Family = (typeof FAMILIES)[number];

export interface ModelConfig {
  readonly family: Family;
  /** C. */
  readonly hiddenSize: number;
  /** F. */
  readonly intermediateSize: number;
  readonly layers: number;
  /** H: query heads. */
  readonly heads: number;
  /** Key/value heads; divides `heads`. */
  readonly kvHeads: number;
  /** D; even. heads · D need not be C. */
  readonly headDim: number;
  /** V. */
  readonly vocabSize: number;
  readonly maxPositions: number;
  readonly normEps: number;
  /** The output head is the embedding matrix. */
  readonly tied: boolean;
  /** Which linear layers have a bias. */
  readonly bias: { readonly qkv: boolean; readonly o: boolean; readonly mlp: boolean };
  /** RMSNorm over each head of q and k before RoPE (Qwen3). */
  readonly qkNorm: boolean;
  /** Attention window of each layer, in positions including the token's own; 0: no window. */
  readonly windows: readonly number[];
  readonly rope: Rope;
  /** Ids that end a text, from config.json; generation_config.json may add others. */
  readonly eosIds: readonly number[];
  readonly bosId: number | null;
}

/** Parses the text of config.json. Throws `model/unsupported` or `model/config` with all problems. */
export function parseConfig(text: string): ModelConfig {
  const problems: Problem[] = [];
  const fields = Fields.parse(text, problems);
  if (fields === null) throw configError(problems);
  const family = readFamily(fields);
  if (family === null) throw unsupportedError(fields.unsupported);
  checkKind(fields);
  const config = readConfig(family, fields);
  if (fields.unsupported.length > 0) throw unsupportedError([...fields.unsupported, ...problems]);
  if (problems.length > 0) throw configError(problems);
  return config;
}

function configError(problems: readonly Problem[]): Error {
  const advice = 'Use the config.json that came with the weights.';
  return problemsError('model/config', "This model's config.json can't be used", problems, advice);
}

function unsupportedError(problems: readonly Problem[]): Error {
  const advice = `Supported are causal language models of the families ${FAMILIES.join(', ')} (SmolLM2 is llama).`;
  return problemsError('model/unsupported', 'This model is not supported', problems, advice);
}

function readFamily(fields: Fields): Family | null {
  const type = fields.raw('model_type');
  const family = FAMILIES.find((name) => name === type);
  if (family !== undefined) return family;
  const found = typeof type === 'string' ? `is the unknown family ${JSON.stringify(type)}` : 'is missing or not a string';
  fields.refuse('model_type', found);
  return null;
}

/** Refuses variants of a supported family with other computations. */
function checkKind(fields: Fields): void {
  const architectures = fields.raw('architectures');
  const names = Array.isArray(architectures) ? architectures.filter((name) => typeof name === 'string') : [];
  if (names.length > 0 && !names.some((name) => name.endsWith('ForCausalLM')))
    fields.refuse('architectures', `is ${names.join(', ')}, not a causal language model (…ForCausalLM)`);
  const quantised = fields.raw('quantization_config');
  if (quantised !== undefined && quantised !== null)
    fields.refuse('quantization_config', 'the weights are quantised; use the model in F32, F16 or BF16');
  const activation = fields.raw('hidden_act') ?? 'silu';
  if (activation !== 'silu') fields.refuse('hidden_act', `is ${JSON.stringify(activation)}; only "silu" is supported`);
}

function readConfig(family: Family, fields: Fields): ModelConfig {
  const maxPositions = fields.whole('max_position_embeddings', family === 'llama' ? 2048 : 32768);
  const sizes = readSizes(family, fields);
  return {
    family,
    ...sizes,
    maxPositions,
    normEps: fields.positive('rms_norm_eps', 1e-6),
    tied: fields.flag('tie_word_embeddings', false),
    bias: readBias(family, fields),
    qkNorm: family === 'qwen3',
    windows: readWindows(family, fields, sizes.layers, maxPositions),
    rope: readRope(fields, maxPositions),
    eosIds: fields.ids('eos_token_id'),
    bosId: fields.ids('bos_token_id')[0] ?? null,
  };
}

type Sizes = Pick<ModelConfig, 'hiddenSize' | 'intermediateSize' | 'layers' | 'heads' | 'kvHeads' | 'headDim' | 'vocabSize'>;

function readSizes(family: Family, fields: Fields): Sizes {
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
    headDim: fields.whole('head_dim', family === 'qwen3' ? 128 : divided),
    vocabSize: fields.whole('vocab_size'),
  };
  if (fields.problems.length === 0) checkHeads(sizes, fields);
  return sizes;
}

function checkHeads(sizes: Sizes, fields: Fields): void {
  const { hiddenSize, heads, kvHeads, headDim } = sizes;
  if (heads % kvHeads !== 0) fields.wrong('num_key_value_heads', `is ${kvHeads}, which does not divide ${heads} attention heads`);
  if (headDim % 2 !== 0) fields.wrong('head_dim', `is ${headDim}; rotary positions need an even number`);
  if ((fields.raw('head_dim') ?? null) === null && hiddenSize % heads !== 0)
    fields.wrong('num_attention_heads', `is ${heads}, which does not divide the hidden_size ${hiddenSize}`);
}

/** Biases as in the family's modelling code of transformers, which ignores other fields. */
function readBias(family: Family, fields: Fields): ModelConfig['bias'] {
  const attention = fields.flag('attention_bias', false);
  const mlp = fields.flag('mlp_bias', false);
  if (family === 'llama') return { qkv: attention, o: attention, mlp };
  if (family === 'qwen3') return { qkv: attention, o: attention, mlp: false };
  return { qkv: family === 'qwen2', o: false, mlp: false };
}

/** Mistral has a window in every layer. Qwen has one with `use_sliding_window`: in layers of `layer_types`, or from `max_window_layers` on. */
function readWindows(family: Family, fields: Fields, layers: number, maxPositions: number): readonly number[] {
  const sliding = slidingLayers(family, fields, layers);
  if (!sliding.includes(true) || fields.raw('sliding_window') === null) return sliding.map(() => 0);
  const window = fields.whole('sliding_window', 4096);
  // A window of all positions has no effect.
  return sliding.map((limited) => (limited && window < maxPositions ? window : 0));
}

function slidingLayers(family: Family, fields: Fields, layers: number): readonly boolean[] {
  const types = readLayerTypes(fields, layers);
  const each = (limited: (layer: number) => boolean) => Array.from({ length: layers }, (_, layer) => limited(layer));
  if (family === 'mistral') return each(() => true);
  if (family === 'llama' || !fields.flag('use_sliding_window', false)) return each(() => false);
  if (types !== null) return each((layer) => types[layer] === 'sliding_attention');
  const full = fields.whole('max_window_layers', 28);
  return each((layer) => layer >= full);
}

function readLayerTypes(fields: Fields, layers: number): readonly unknown[] | null {
  const types = fields.raw('layer_types') ?? null;
  if (types === null) return null;
  const known = ['full_attention', 'sliding_attention'];
  const odd = Array.isArray(types) ? types.filter((type) => !known.includes(type as string)) : [types];
  if (odd.length > 0) fields.refuse('layer_types', `has ${JSON.stringify(odd[0])}; only ${known.join(' and ')} are supported`);
  else if (Array.isArray(types) && types.length !== layers)
    fields.wrong('layer_types', `names ${types.length} layers; the model has ${layers}`);
  return Array.isArray(types) ? types : null;
}

/** A linear layer of a block: y = x·Wᵀ + b with W [out, in]. */
export interface LinearModule {
  /** Path in the block, e.g. `self_attn.q_proj`. */
  readonly path: string;
  readonly in: number;
  readonly out: number;
  readonly bias: boolean;
}

/** Names of the linear layers of a block, the same in all families: the values for LoRA's `target_modules`. */
export const TARGETS = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'] as const;

/** The linear layers of a block, in order of use. */
export function linearModules(config: ModelConfig): readonly LinearModule[] {
  const { hiddenSize: c, intermediateSize: f, bias } = config;
  const q = config.heads * config.headDim;
  const kv = config.kvHeads * config.headDim;
  const module = (path: string, size: readonly [number, number], biased: boolean): LinearModule => {
    return { path, in: size[0], out: size[1], bias: biased };
  };
  return [
    module('self_attn.q_proj', [c, q], bias.qkv),
    module('self_attn.k_proj', [c, kv], bias.qkv),
    module('self_attn.v_proj', [c, kv], bias.qkv),
    module('self_attn.o_proj', [q, c], bias.o),
    module('mlp.gate_proj', [c, f], bias.mlp),
    module('mlp.up_proj', [c, f], bias.mlp),
    module('mlp.down_proj', [f, c], bias.mlp),
  ];
}

export interface ExpectedTensor {
  /** Hugging Face's name, e.g. `model.layers.0.self_attn.q_proj.weight`. */
  readonly name: string;
  readonly shape: readonly number[];
}

/** All tensors that the weights must have; `lm_head.weight` only when the head is not tied. Others in the files are ignored. */
export function expectedTensors(config: ModelConfig): readonly ExpectedTensor[] {
  const { hiddenSize: c, vocabSize: v } = config;
  const blocks = Array.from({ length: config.layers }, (_, layer) => blockTensors(config, `model.layers.${layer}`));
  const head = config.tied ? [] : [{ name: 'lm_head.weight', shape: [v, c] }];
  return [
    { name: 'model.embed_tokens.weight', shape: [v, c] },
    ...blocks.flat(),
    { name: 'model.norm.weight', shape: [c] },
    ...head,
  ];
}

function blockTensors(config: ModelConfig, block: string): ExpectedTensor[] {
  const norm = (path: string, size: number) => ({ name: `${block}.${path}.weight`, shape: [size] });
  const headNorms = config.qkNorm ? [norm('self_attn.q_norm', config.headDim), norm('self_attn.k_norm', config.headDim)] : [];
  const linear = linearModules(config).flatMap((module) => {
    const weight = { name: `${block}.${module.path}.weight`, shape: [module.out, module.in] };
    return module.bias ? [weight, { name: `${block}.${module.path}.bias`, shape: [module.out] }] : [weight];
  });
  const { hiddenSize: c } = config;
  return [norm('input_layernorm', c), ...linear, ...headNorms, norm('post_attention_layernorm', c)];
}
