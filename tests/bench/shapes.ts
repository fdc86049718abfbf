/** The benchmark's model (layers of SmolLM2-135M), its data, and the products of one training step. */

import { uniform } from '../../src/core/random';
import { sizeOf, type Shape } from '../../src/core/shape';
import { parseRecipe, type Recipe } from '../../src/recipe/recipe';
import type { Batch } from '../../src/batch/types';
import type { ModelName } from './report';

export const RANK = 16;

/** Hidden size, feed-forward size, layers, heads, key/value heads. */
type Sizes = readonly [number, number, number, number, number];

/** In the form of a config.json of the Llama family. `rest`: what differs from SmolLM2. */
function llamaFile([hidden, inner, layers, heads, kvHeads]: Sizes, vocabulary: number, rest: object = {}) {
  return {
    ...{ model_type: 'llama', hidden_size: hidden, intermediate_size: inner, num_hidden_layers: layers },
    ...{ num_attention_heads: heads, num_key_value_heads: kvHeads, vocab_size: vocabulary },
    ...{ max_position_embeddings: 8192, tie_word_embeddings: true, rms_norm_eps: 1e-5, ...rest },
  };
}

/** Two layers of SmolLM2-135M. */
export function benchConfigFile(vocabulary: number) {
  return llamaFile([576, 1536, 2, 9, 3], vocabulary, { max_position_embeddings: 2048 });
}

const MODELS = {
  'SmolLM2-135M': llamaFile([576, 1536, 30, 9, 3], 49_152),
  'SmolLM2-360M': llamaFile([960, 2560, 32, 15, 5], 49_152),
  'Qwen2.5-0.5B': llamaFile([896, 4864, 24, 14, 2], 151_936, { model_type: 'qwen2', max_position_embeddings: 32_768 }),
  'Qwen3-0.6B': llamaFile([1024, 3072, 28, 16, 8], 151_936, {
    ...{ model_type: 'qwen3', max_position_embeddings: 40_960, head_dim: 128 },
  }),
  'Llama-3.2-1B': llamaFile([2048, 8192, 16, 32, 8], 128_256, { max_position_embeddings: 131_072, head_dim: 64 }),
  'TinyLlama-1.1B': llamaFile([2048, 5632, 22, 32, 4], 32_000, { max_position_embeddings: 2048, tie_word_embeddings: false }),
} as const satisfies Record<ModelName, object>;

/** The config.json of a model. */
export function modelFile(name: ModelName): object {
  return MODELS[name];
}

/** LoRA of rank 16 on every linear layer and default settings, with weight decay so that its cost is included. */
export function benchRecipe(tokens: number): Recipe {
  return parseRecipe({ rank: RANK, sequenceLength: tokens, weightDecay: 0.01, schedule: 'constant', warmupRatio: 0 });
}

/** Numbers in ±`range`, determined by the salt. */
export function randomData(shape: Shape, salt: number, range: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: sizeOf(shape) }, (_, i) => range * (2 * uniform(7, salt, 9, i) - 1));
}

/** One document that fills its row: every token except the last predicts the next. */
export function benchBatch(vocabulary: number, tokens: number): Batch {
  const ids = Int32Array.from({ length: tokens }, (_, i) => Math.floor(uniform(11, 0, 9, i) * vocabulary));
  const labels = Int32Array.from(ids, (_, i) => ids[i + 1] ?? -1);
  return {
    ids,
    positions: Int32Array.from(ids, (_, i) => i),
    segments: new Int32Array(tokens),
    labels,
    weights: Float32Array.from(labels, (label) => (label < 0 ? 0 : 1)),
    tokens,
    trained: tokens - 1,
  };
}

/** `y = x·Wᵀ` (nt), `y = x·W` (nn) or `y = xᵀ·W` (tn) with sizes M×N×K; `rank` > 0 adds a low-rank product of that rank. */
export interface Product {
  readonly kind: 'matmul' | 'lowrank';
  readonly layout: 'nt' | 'nn' | 'tn';
  readonly use: string;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly rank: number;
}

/** The linear layers of the model, those of one shape together: [names, out, in]. */
const LINEARS: readonly (readonly [string, number, number])[] = [
  ['q, o', 576, 576],
  ['k, v', 192, 576],
  ['gate, up', 1536, 576],
  ['down', 576, 1536],
];

/** Forward and backward products of every linear layer over `rows` tokens, without and with the adapter, and the adapter's own. */
export function benchProducts(rows: number): readonly Product[] {
  const matmuls = LINEARS.flatMap(([name, out, inputs]) =>
    [0, RANK].flatMap((rank): Product[] => [
      { kind: 'matmul', layout: 'nt', use: `y of ${name}`, m: rows, n: out, k: inputs, rank },
      { kind: 'matmul', layout: 'nn', use: `dx of ${name}`, m: rows, n: inputs, k: out, rank },
    ]),
  );
  const sizes = [192, 576, 1536];
  const lowranks = sizes.flatMap((size): Product[] => [
    { kind: 'lowrank', layout: 'nt', use: 'u = x·Aᵀ', m: rows, n: RANK, k: size, rank: 0 },
    { kind: 'lowrank', layout: 'nn', use: 'du = dy·B', m: rows, n: RANK, k: size, rank: 0 },
    { kind: 'lowrank', layout: 'tn', use: 'dA = duᵀ·x', m: RANK, n: size, k: rows, rank: 0 },
    { kind: 'lowrank', layout: 'tn', use: 'dB = dyᵀ·u', m: size, n: RANK, k: rows, rank: 0 },
  ]);
  // No layer has 192 inputs.
  return [...matmuls, ...lowranks.filter(({ use, n, k }) => !(use.includes('x') && (n === 192 || k === 192)))];
}
