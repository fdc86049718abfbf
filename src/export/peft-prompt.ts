/** Prompt tuning in PEFT's files: one tensor `prompt_embeddings` [n, C]. */

import { PROMPT_EMBEDDINGS } from '../method/prompt';
import type { NamedTensor } from '../method/parameters';
import type { PromptSettings } from '../recipe/methods';
import { shapeFault, UNKNOWN_TENSOR, type BaseSizes, type PeftFormat } from './peft-format';

export const isCount = (n: number) => Number.isInteger(n) && n > 0;

/** A start from a text leaves no trace: PEFT would have to load a tokenizer for it. */
export const peftPrompt: PeftFormat<PromptSettings> = {
  type: 'PROMPT_TUNING',
  ofModel: true,
  unread: [],

  config: ({ promptStart }, tensors, base) => ({
    ...promptConfig(tensors, base),
    prompt_tuning_init: promptStart === 'vocabulary' ? 'SAMPLE_VOCAB' : 'RANDOM',
    prompt_tuning_init_text: null,
    tokenizer_name_or_path: null,
  }),

  read: (keys) => ({
    kind: 'prompt',
    virtualTokens: keys.number('num_virtual_tokens', isCount),
    promptStart:
      keys.choice('prompt_tuning_init', ['RANDOM', 'SAMPLE_VOCAB', 'TEXT']) === 'SAMPLE_VOCAB' ? 'vocabulary' : 'random',
    promptText: '',
  }),

  named: (settings) => settings,

  moduleOf: (name) => (name === PROMPT_EMBEDDINGS ? name : null),

  inFiles: (tensor) => tensor,

  fault: ({ name, shape }, { virtualTokens }) =>
    name === PROMPT_EMBEDDINGS ? shapeFault(shape, [virtualTokens, null]) : UNKNOWN_TENSOR,

  missing: () => [],

  hasBiases: () => false,
};

/** The keys of all adapters that are read before a text. */
export function promptConfig(tensors: readonly NamedTensor[], base: BaseSizes | null): Readonly<Record<string, unknown>> {
  const [virtualTokens, width] = tensors.find(({ name }) => name === PROMPT_EMBEDDINGS)?.shape ?? [];
  return {
    num_attention_heads: base?.heads ?? null,
    num_layers: base?.layers ?? null,
    num_transformer_submodules: 1,
    num_virtual_tokens: virtualTokens,
    token_dim: width,
  };
}
