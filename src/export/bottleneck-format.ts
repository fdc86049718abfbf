/**
 * Bottleneck adapters in the files of the `adapters` library: adapter_config.json and adapter.safetensors, and for classifiers
 * head_config.json and model_head.safetensors.
 */

import { ADAPTER_NAME, nonLinearityOf } from '../method/bottleneck';
import type { ModelConfig } from '../model/config';
import type { BottleneckSettings } from '../recipe/methods';

export const WEIGHTS_FILE = 'adapter.safetensors';
export const HEAD_CONFIG_FILE = 'head_config.json';
export const HEAD_FILE = 'model_head.safetensors';
/** How the library finds the layers of a model. */
export const INTERFACE_FILE = 'adapter_interface.json';

const VERSION = 'adapters.1.3.0';

/** The settings that make the library's two classes of configurations, and that no other setting states. */
export const VARIANTS: Readonly<Record<BottleneckSettings['variant'], Readonly<Record<string, boolean>>>> = {
  pfeiffer: { mh_adapter: false, output_adapter: true, original_ln_before: true },
  houlsby: { mh_adapter: true, output_adapter: true, original_ln_before: false },
};

/** Settings of the library that change what an adapter computes: their values in adapters of this page. */
export const FIXED: Readonly<Record<string, unknown>> = {
  inv_adapter: null,
  is_parallel: false,
  leave_out: [],
  ln_after: false,
  ln_before: false,
  original_ln_after: true,
  phm_layer: false,
  residual_before_ln: true,
  stochastic_depth: 0,
  use_gating: false,
};

/** Settings without effect on these adapters, at the library's defaults. */
const WITHOUT_EFFECT = {
  ...{ adapter_residual_before_ln: false, cross_adapter: false, factorized_phm_W: true, factorized_phm_rule: false },
  ...{ hypercomplex_nonlinearity: 'glorot-uniform', init_weights: 'bert', init_weights_seed: null },
  ...{ inv_adapter_reduction_factor: null, learn_phm: true, phm_bias: true, phm_c_init: 'normal', phm_dim: 4 },
  ...{ phm_init_range: 0.0001, phm_rank: 1, shared_W_phm: false, shared_phm_rule: true },
};

/** transformers' classes of a model for text and as a classifier of sequences, by `model_type`. */
const CLASSES: Readonly<Record<string, readonly [string, string]>> = {
  llama: classes('Llama'),
  mistral: classes('Mistral'),
  qwen2: classes('Qwen2'),
  qwen3: classes('Qwen3'),
  phi3: classes('Phi3'),
  gemma2: classes('Gemma2'),
  gemma3_text: ['Gemma3ForCausalLM', 'Gemma3TextForSequenceClassification'],
  gpt2: ['GPT2LMHeadModel', 'GPT2ForSequenceClassification'],
  bert: classes('Bert'),
  roberta: classes('Roberta'),
  distilbert: classes('DistilBert'),
  modernbert: classes('ModernBert'),
};

function classes(name: string): readonly [string, string] {
  return [`${name}ForCausalLM`, `${name}ForSequenceClassification`];
}

/** transformers' class of the model with its head; the library loads a head only into the class that its file names. */
export function modelClass({ modelType }: ModelConfig, isClassifier: boolean): string {
  const [text = '', classifier = ''] = CLASSES[modelType] ?? [];
  return isClassifier ? classifier : text;
}

interface Facts {
  readonly config: ModelConfig;
  readonly baseModel: string;
  readonly isClassifier: boolean;
}

function common({ config, baseModel, isClassifier }: Facts) {
  return {
    hidden_size: config.hiddenSize,
    model_class: modelClass(config, isClassifier),
    model_name: baseModel,
    model_type: config.modelType,
    version: VERSION,
  };
}

/** adapter_config.json. */
export function adapterConfig(settings: BottleneckSettings, facts: Facts): object {
  const { variant, reductionFactor, adapterScale, adapterDropout } = settings;
  const config = {
    ...{ ...WITHOUT_EFFECT, ...FIXED, ...VARIANTS[variant] },
    ...{ dropout: adapterDropout, non_linearity: nonLinearityOf(settings) },
    ...{ reduction_factor: reductionFactor, scaling: adapterScale },
  };
  return { config, ...common(facts), name: ADAPTER_NAME };
}

/** head_config.json of a classifier. */
export function headConfig(labels: readonly string[], facts: Facts): object {
  const label2id = Object.fromEntries(labels.map((label, index) => [label, index]));
  return { config: null, ...common(facts), label2id, name: null, num_labels: labels.length };
}

/** Names of a model's layers, as the library's `AdapterModelInterface` has them. */
const PHI3 = {
  ...{ model_embeddings: 'embed_tokens', model_layers: 'layers', base_model: null },
  ...{ layer_self_attn: 'self_attn', layer_cross_attn: null, attn_qkv_proj: 'qkv_proj', attn_o_proj: 'o_proj' },
  ...{ attn_k_proj: null, attn_q_proj: null, attn_v_proj: null },
  ...{ layer_intermediate_proj: 'mlp.gate_up_proj', layer_output_proj: 'mlp.down_proj' },
  ...{ layer_pre_self_attn: 'input_layernorm', layer_pre_cross_attn: null, layer_pre_ffn: 'post_attention_layernorm' },
  ...{ layer_ln_1: null, layer_ln_2: null },
};

const MODERNBERT = {
  ...PHI3,
  ...{ model_embeddings: 'embeddings', layer_self_attn: 'attn', attn_qkv_proj: 'Wqkv', attn_o_proj: 'Wo' },
  ...{ layer_intermediate_proj: 'mlp.Wi', layer_output_proj: 'mlp.Wo', layer_pre_self_attn: 'attn', layer_pre_ffn: 'mlp' },
  layer_ln_1: 'mlp_norm',
};

/** Phi-3 is not known to the library. With its own names of ModernBERT it also prepares LoRA, and adds random biases to Wqkv. */
const INTERFACES: Readonly<Record<string, object>> = { phi3: PHI3, modernbert: MODERNBERT };

/** adapter_interface.json for models that the library needs it for; null for the others. */
export function interfaceConfig({ modelType }: ModelConfig): object | null {
  const names = INTERFACES[modelType];
  if (names === undefined) return null;
  return { model_type: modelType, interface: { adapter_methods: ['bottleneck'], ...names }, version: VERSION };
}

/**
 * JSON as Python's json.dump writes it with sorted keys. `scaling` must be a float there: the library refuses a whole number.
 */
export function pythonJson(value: object): string {
  return JSON.stringify(value, sortedKeys, 2).replace(/^(\s*"(?:scaling|dropout|stochastic_depth)": -?\d+)(?=,?$)/gm, '$1.0');
}

function sortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
