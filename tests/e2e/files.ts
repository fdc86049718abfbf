/** Model folders on disk for the browser, good ones and bad ones. */

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { file } from './world';

/** The bytes of a safetensors file with this header (an object, or raw text) and `dataBytes` zero bytes of data. */
export function safetensors(header: object | string, dataBytes: number, claimedLength?: bigint): Uint8Array {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(claimedLength ?? BigInt(text.length));
  return Buffer.concat([length, text, Buffer.alloc(dataBytes)]);
}

const llama = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 8,
  intermediate_size: 16,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  vocab_size: 16,
  max_position_embeddings: 32,
  rms_norm_eps: 1e-5,
  hidden_act: 'silu',
  tie_word_embeddings: true,
};

const H = 8;
const F = 16;
const KV = 4;

/** Shapes of the tensors of the tiny Llama above. */
const shapes: Readonly<Record<string, readonly number[]>> = {
  'model.embed_tokens.weight': [16, H],
  'model.layers.0.input_layernorm.weight': [H],
  'model.layers.0.mlp.down_proj.weight': [H, F],
  'model.layers.0.mlp.gate_proj.weight': [F, H],
  'model.layers.0.mlp.up_proj.weight': [F, H],
  'model.layers.0.post_attention_layernorm.weight': [H],
  'model.layers.0.self_attn.k_proj.weight': [KV, H],
  'model.layers.0.self_attn.o_proj.weight': [H, H],
  'model.layers.0.self_attn.q_proj.weight': [H, H],
  'model.layers.0.self_attn.v_proj.weight': [KV, H],
  'model.norm.weight': [H],
};

export interface TensorEntry {
  readonly dtype: 'F32';
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/** A valid header of the tiny Llama in F32, and the number of bytes of data that it describes. */
export function tinyHeader(): { header: Record<string, TensorEntry>; bytes: number } {
  const header: Record<string, TensorEntry> = {};
  let bytes = 0;
  for (const [name, shape] of Object.entries(shapes)) {
    const end = bytes + 4 * shape.reduce((product, size) => product * size, 1);
    header[name] = { dtype: 'F32', shape, data_offsets: [bytes, end] };
    bytes = end;
  }
  return { header, bytes };
}

const vocabulary = Object.fromEntries([...Array.from('abcdefghijklmno'), '</s>'].map((token, id) => [token, id]));

const tokenizer = {
  version: '1.0',
  added_tokens: [{ id: 15, content: '</s>', single_word: false, lstrip: false, rstrip: false, normalized: false, special: true }],
  normalizer: null,
  pre_tokenizer: null,
  post_processor: null,
  decoder: null,
  model: { type: 'BPE', vocab: vocabulary, merges: [], unk_token: null },
};

/** Writes a model folder that is valid except for the parts given. */
export function modelFolder(parent: string, name: string, weights: Uint8Array, config: object | null = llama): string {
  const path = join(parent, name);
  mkdirSync(path);
  if (config !== null) file(path, 'config.json', JSON.stringify(config));
  file(path, 'model.safetensors', weights);
  file(path, 'tokenizer.json', JSON.stringify(tokenizer));
  file(path, 'tokenizer_config.json', JSON.stringify({ eos_token: '</s>' }));
  return path;
}

/** A valid model folder. */
export function goodModel(parent: string): string {
  const { header, bytes } = tinyHeader();
  return modelFolder(parent, 'good', safetensors(header, bytes));
}

/** The tiny Llama's config with other values. */
export const configWith = (change: object): object => ({ ...llama, ...change });
