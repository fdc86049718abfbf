/**
 * Models to begin with, by what they are for. Sizes are those of the files that Finetab needs, licences those of the model cards, and
 * configurations the fields of config.json that memory and time depend on, all as of 2026-11 on huggingface.co. So a forecast can be
 * made before anything is asked of the hub.
 */

import type { ModelOutline } from '../../workers/api';

/** `writes`: continues and answers texts. `reads`: sorts texts into categories or gives numbers. */
export type Purpose = 'writes' | 'reads';

export interface Recommended {
  /** On the hub. */
  readonly id: string;
  readonly purpose: Purpose;
  /** What it is good for, in a sentence. */
  readonly text: string;
  /** Bytes of the download. */
  readonly bytes: number;
  readonly license: string;
  /** Its owner asks for an account that accepted conditions. */
  readonly gated: boolean;
  /** Fields of its config.json. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly dtype: 'F32' | 'BF16';
}

const LLAMA = { model_type: 'llama', hidden_act: 'silu', rms_norm_eps: 1e-5, tie_word_embeddings: true };
const SMOLLM = { ...LLAMA, vocab_size: 49152, max_position_embeddings: 8192, rope_theta: 100000 };
const QWEN = { hidden_act: 'silu', rms_norm_eps: 1e-6, vocab_size: 151936, rope_theta: 1e6, tie_word_embeddings: true };
const GEMMA = {
  ...{ model_type: 'gemma3_text', head_dim: 256, hidden_activation: 'gelu_pytorch_tanh', max_position_embeddings: 32768 },
  ...{ query_pre_attn_scalar: 256, rms_norm_eps: 1e-6, rope_theta: 1e6, rope_local_base_freq: 1e4, sliding_window: 512 },
  ...{ vocab_size: 262144, num_attention_heads: 4, num_key_value_heads: 1 },
};
const GPT2 = {
  ...{ model_type: 'gpt2', activation_function: 'gelu_new', layer_norm_epsilon: 1e-5, n_ctx: 1024, n_embd: 768, n_head: 12 },
  ...{ n_positions: 1024, vocab_size: 50257 },
};
const BERT = {
  ...{ model_type: 'bert', hidden_act: 'gelu', layer_norm_eps: 1e-12, max_position_embeddings: 512, type_vocab_size: 2 },
  ...{ vocab_size: 30522, num_attention_heads: 12 },
};

/** Gemma 3 looks at all tokens in every sixth layer. */
const gemmaLayers = (layers: number) => ({
  num_hidden_layers: layers,
  layer_types: Array.from({ length: layers }, (_, index) => (index % 6 === 5 ? 'full_attention' : 'sliding_attention')),
});

export const RECOMMENDED: readonly Recommended[] = [
  {
    id: 'HuggingFaceTB/SmolLM2-135M-Instruct',
    ...{ purpose: 'writes', bytes: 271e6, license: 'apache-2.0', gated: false, dtype: 'BF16' },
    text: 'The smallest that answers in whole sentences. English. A good first model on any device.',
    config: {
      ...SMOLLM,
      hidden_size: 576,
      intermediate_size: 1536,
      num_hidden_layers: 30,
      num_attention_heads: 9,
      num_key_value_heads: 3,
    },
  },
  {
    id: 'HuggingFaceTB/SmolLM2-360M-Instruct',
    ...{ purpose: 'writes', bytes: 726e6, license: 'apache-2.0', gated: false, dtype: 'BF16' },
    text: 'Better answers than the one with 135 M, for three times the time. English.',
    config: {
      ...SMOLLM,
      hidden_size: 960,
      intermediate_size: 2560,
      num_hidden_layers: 32,
      num_attention_heads: 15,
      num_key_value_heads: 5,
    },
  },
  {
    id: 'Qwen/Qwen2.5-0.5B-Instruct',
    ...{ purpose: 'writes', bytes: 995e6, license: 'apache-2.0', gated: false, dtype: 'BF16' },
    text: 'Answers in 29 languages; good with structured text and short code.',
    config: {
      ...{ ...QWEN, model_type: 'qwen2', max_position_embeddings: 32768 },
      ...{ hidden_size: 896, intermediate_size: 4864, num_hidden_layers: 24, num_attention_heads: 14, num_key_value_heads: 2 },
    },
  },
  {
    id: 'Qwen/Qwen3-0.6B',
    ...{ purpose: 'writes', bytes: 1.51e9, license: 'apache-2.0', gated: false, dtype: 'BF16' },
    text: 'The newest of its size; many languages. It can think before it answers.',
    config: {
      ...{ ...QWEN, model_type: 'qwen3', head_dim: 128, max_position_embeddings: 40960 },
      ...{ hidden_size: 1024, intermediate_size: 3072, num_hidden_layers: 28, num_attention_heads: 16, num_key_value_heads: 8 },
    },
  },
  {
    id: 'google/gemma-3-270m-it',
    ...{ purpose: 'writes', bytes: 570e6, license: 'gemma', gated: true, dtype: 'BF16' },
    text: 'Made to be fine-tuned for one narrow job; a large vocabulary for many languages.',
    config: { ...GEMMA, ...gemmaLayers(18), hidden_size: 640, intermediate_size: 2048 },
  },
  {
    id: 'google/gemma-3-1b-it',
    ...{ purpose: 'writes', bytes: 2.03e9, license: 'gemma', gated: true, dtype: 'BF16' },
    text: 'Strong for its size, mostly English. Needs a GPU with some gigabytes.',
    config: { ...GEMMA, ...gemmaLayers(26), hidden_size: 1152, intermediate_size: 6912 },
  },
  {
    id: 'meta-llama/Llama-3.2-1B-Instruct',
    ...{ purpose: 'writes', bytes: 2.48e9, license: 'llama3.2', gated: true, dtype: 'BF16' },
    text: 'The best answers of this list, in eight languages. Needs a GPU with some gigabytes.',
    config: {
      ...{ ...LLAMA, vocab_size: 128256, max_position_embeddings: 131072, rope_theta: 500000, head_dim: 64 },
      ...{ hidden_size: 2048, intermediate_size: 8192, num_hidden_layers: 16, num_attention_heads: 32, num_key_value_heads: 8 },
      rope_scaling: {
        ...{ rope_type: 'llama3', factor: 32, low_freq_factor: 1, high_freq_factor: 4 },
        original_max_position_embeddings: 8192,
      },
    },
  },
  {
    id: 'openai-community/gpt2',
    ...{ purpose: 'writes', bytes: 549e6, license: 'mit', gated: false, dtype: 'F32' },
    text: 'The classic, 124 M parameters. Continues English text; it was never taught to answer.',
    config: { ...GPT2, n_layer: 12 },
  },
  {
    id: 'distilbert/distilgpt2',
    ...{ purpose: 'writes', bytes: 354e6, license: 'apache-2.0', gated: false, dtype: 'F32' },
    text: 'GPT-2 with half of the layers: twice as fast, a little worse. Continues English text.',
    config: { ...GPT2, n_layer: 6 },
  },
  {
    id: 'sentence-transformers/all-MiniLM-L6-v2',
    ...{ purpose: 'reads', bytes: 91.3e6, license: 'apache-2.0', gated: false, dtype: 'F32' },
    text: 'Small and fast, and it already knows which texts mean the same. English. A good first classifier.',
    config: { ...BERT, hidden_size: 384, intermediate_size: 1536, num_hidden_layers: 6 },
  },
  {
    id: 'distilbert/distilbert-base-uncased',
    ...{ purpose: 'reads', bytes: 268e6, license: 'apache-2.0', gated: false, dtype: 'F32' },
    text: 'Nearly as good as BERT in half of the time. English, without upper case.',
    config: {
      ...{ model_type: 'distilbert', activation: 'gelu', dim: 768, hidden_dim: 3072, n_heads: 12, n_layers: 6 },
      ...{ max_position_embeddings: 512, vocab_size: 30522 },
    },
  },
  {
    id: 'google-bert/bert-base-uncased',
    ...{ purpose: 'reads', bytes: 441e6, license: 'apache-2.0', gated: false, dtype: 'F32' },
    text: 'The classic classifier. English, without upper case.',
    config: { ...BERT, hidden_size: 768, intermediate_size: 3072, num_hidden_layers: 12 },
  },
  {
    id: 'FacebookAI/roberta-base',
    ...{ purpose: 'reads', bytes: 500e6, license: 'mit', gated: false, dtype: 'F32' },
    text: 'BERT that was trained longer: better on most tasks. English, with upper case.',
    config: {
      ...{ ...BERT, model_type: 'roberta', vocab_size: 50265, max_position_embeddings: 514, type_vocab_size: 1 },
      ...{ hidden_size: 768, intermediate_size: 3072, num_hidden_layers: 12, layer_norm_eps: 1e-5, pad_token_id: 1 },
    },
  },
  {
    id: 'answerdotai/ModernBERT-base',
    ...{ purpose: 'reads', bytes: 601e6, license: 'apache-2.0', gated: false, dtype: 'F32' },
    text: 'The newest encoder of its size: reads up to 8,192 tokens. English and code.',
    config: {
      ...{ model_type: 'modernbert', hidden_size: 768, intermediate_size: 1152, num_hidden_layers: 22, num_attention_heads: 12 },
      ...{ vocab_size: 50368, max_position_embeddings: 8192, global_attn_every_n_layers: 3, local_attention: 128 },
      ...{ global_rope_theta: 160000, local_rope_theta: 10000, norm_eps: 1e-5, hidden_activation: 'gelu', pad_token_id: 50283 },
    },
  },
];

/** What is known of a recommended model before it is looked up. */
export function outlineOf({ id, config, dtype }: Recommended): ModelOutline {
  return { name: id, config: JSON.stringify(config), tensors: dtype };
}
