/**
 * The outcome that each parity case must have, by the name of its folder. `npm run parity` fails for any other outcome (a family
 * that turns unsupported, but also one that turns supported without a change here), and for a case that is not listed.
 */

export type Outcome = 'passes' | 'unsupported';

export const EXPECTED: Readonly<Record<string, Outcome>> = {
  llama_gqa: 'passes',
  llama_rslora_untied: 'passes',
  llama_8192_tokens: 'passes',
  mistral_window: 'passes',
  qwen2: 'passes',
  qwen3: 'passes',
  starter_greedy: 'passes',
  stories260K: 'passes',
  llama_full: 'passes',
  llama_last_layers: 'passes',
  llama_layer_decay: 'passes',
  llama_lora_plus: 'passes',
  llama_modules_to_save: 'passes',
  llama_patterns: 'passes',
  qwen2_bitfit: 'passes',
  qwen2_lora_bias: 'passes',
  phi3: 'passes',
  phi3_window: 'passes',
  phi3_seqcls: 'passes',
  gemma2: 'passes',
  gemma2_window: 'passes',
  gemma3: 'passes',
  gemma3_window: 'passes',
  gemma3_seqcls: 'passes',
  modernbert_seqcls: 'passes',
  modernbert_cls: 'passes',
  gpt2: 'passes',
  bert_seqcls: 'passes',
  llama_seqcls: 'passes',
  roberta_seqcls: 'passes',
  gpt2_seqcls: 'passes',
  qwen2_seqcls: 'passes',
  bert_regression: 'passes',
  roberta_multilabel: 'passes',
  distilbert_seqcls: 'passes',
  bert_bitfit: 'passes',
  llama_dpo: 'passes',
  llama_ipo: 'passes',
  llama_simpo: 'passes',
  llama_orpo: 'passes',
  llama_kto: 'passes',
  llama_apo_zero: 'passes',
  llama_hinge: 'passes',
  llama_robust: 'passes',
  llama_reward: 'passes',
  llama_reward_margin: 'passes',
  llama_distil: 'passes',
  llama_grpo: 'passes',
  llama_dapo: 'passes',
  llama_ppo: 'passes',
  llama_ppo_trl: 'passes',
  llama_dora: 'passes',
  llama_ia3: 'passes',
  llama_houlsby: 'passes',
  bert_houlsby: 'passes',
  llama_pfeiffer: 'passes',
  bert_pfeiffer: 'passes',
  gemma2_pfeiffer: 'passes',
  llama_prompt: 'passes',
  llama_p_tuning: 'passes',
  llama_prefix: 'passes',
  llama_pissa: 'passes',
  llama_pissa_dora: 'passes',
  llama_olora: 'passes',
};

/** Executors that need minutes for a case on software WebGPU: these run with --all only. */
export const SLOW: Readonly<Record<string, readonly string[]>> = {
  llama_8192_tokens: ['tfjs-webgpu'],
  starter_greedy: ['tfjs-webgpu'],
};

/** Cases outside the repository, which tests/golden need not contain. */
export const EXTERNAL: ReadonlySet<string> = new Set(['stories260K']);
