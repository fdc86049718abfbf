/** Prefix tuning in PEFT's files: one tensor `prompt_embeddings` [n, 2·L·Hkv·D]. */

import { PROMPT_EMBEDDINGS } from '../method/prompt';
import type { PrefixSettings } from '../recipe/methods';
import { shapeFault, UNKNOWN_TENSOR, type PeftFormat } from './peft-format';
import { isCount, peftPrompt } from './peft-prompt';

export const peftPrefix: PeftFormat<PrefixSettings> = {
  type: 'PREFIX_TUNING',
  ofModel: true,
  unread: [],

  config(_settings, tensors, base) {
    const [count, width = 0] = tensors[0]?.shape ?? [];
    const keys = base === null ? null : width / (2 * base.layers);
    return {
      ...{ encoder_hidden_size: keys, num_attention_heads: base?.kvHeads ?? null, num_layers: base?.layers ?? null },
      ...{ num_transformer_submodules: 1, num_virtual_tokens: count, prefix_projection: false, token_dim: keys },
    };
  },

  read: (keys) => ({ kind: 'prefix', virtualTokens: keys.number('num_virtual_tokens', isCount) }),

  named: (settings) => settings,

  moduleOf: (name) => peftPrompt.moduleOf(name),

  inFiles: (tensor) => tensor,

  fault: ({ name, shape }, { virtualTokens }) =>
    name === PROMPT_EMBEDDINGS ? shapeFault(shape, [virtualTokens, null]) : UNKNOWN_TENSOR,

  missing: () => [],

  hasBiases: () => false,
};
