/** The configurations of six models, without weights. */

import { parseConfig } from '../src/model/families';
import { llama as family, type LlamaConfig } from '../src/model/families/llama';
import type { Rope } from '../src/model/rope';
import type { ModelName } from './bench/report';

/** The rotation is the same in all layers. */
export type Llama = LlamaConfig & { readonly rope: Rope };

/** Parses the text of a config.json of the Llama family. */
export function parseLlama(text: string): Llama {
  const config = parseConfig(text);
  if (!family.modelTypes.includes(config.modelType)) throw new Error(`${config.modelType} is not a Llama`);
  const rope = config.attention[0]?.rope;
  if (!rope) throw new Error('no rotation');
  return { ...(config as LlamaConfig), rope };
}

interface Sizes {
  readonly model_type: string;
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly vocab_size: number;
  readonly max_position_embeddings: number;
  readonly tie_word_embeddings: boolean;
  readonly head_dim?: number;
}

function llama(
  [hidden_size, intermediate_size, num_hidden_layers, num_attention_heads, num_key_value_heads]: readonly [
    number,
    number,
    number,
    number,
    number,
  ],
  vocab_size: number,
  rest: Partial<Sizes> = {},
): Llama {
  const sizes: Sizes = {
    model_type: 'llama',
    ...{ hidden_size, intermediate_size, num_hidden_layers, num_attention_heads, num_key_value_heads, vocab_size },
    max_position_embeddings: 8192,
    tie_word_embeddings: true,
    ...rest,
  };
  return parseLlama(JSON.stringify(sizes));
}

/** Hidden size, feed-forward size, layers, heads, key/value heads; vocabulary; other differences. */
export const modelShapes = {
  'SmolLM2-135M': llama([576, 1536, 30, 9, 3], 49_152),
  'SmolLM2-360M': llama([960, 2560, 32, 15, 5], 49_152),
  'Qwen2.5-0.5B': llama([896, 4864, 24, 14, 2], 151_936, { model_type: 'qwen2', max_position_embeddings: 32_768 }),
  'Qwen3-0.6B': llama([1024, 3072, 28, 16, 8], 151_936, { model_type: 'qwen3', max_position_embeddings: 40_960, head_dim: 128 }),
  'Llama-3.2-1B': llama([2048, 8192, 16, 32, 8], 128_256, { max_position_embeddings: 131_072, head_dim: 64 }),
  'TinyLlama-1.1B': llama([2048, 5632, 22, 32, 4], 32_000, { max_position_embeddings: 2048, tie_word_embeddings: false }),
} as const satisfies Record<ModelName, Llama>;
