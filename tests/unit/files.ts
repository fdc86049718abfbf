/** Model folders for tests: golden ones, and small ones built in memory. */

import { readdirSync, readFileSync } from 'node:fs';
import { parseConfig } from '../../src/model/families';
import { weightSpecs } from '../../src/model/weights';
import { byteSize } from '../../src/formats/safetensors';
import { writeSafetensors, type TensorData } from '../../src/formats/safetensors-write';

/** The files of a folder on disk as a browser provides them, with names that begin with `prefix`. */
export function filesOf(directory: URL, prefix = ''): File[] {
  const names = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isFile());
  return names.map(({ name }) => new File([readFileSync(new URL(name, directory))], prefix + name));
}

export const CONFIG = {
  ...{ model_type: 'llama', architectures: ['LlamaForCausalLM'], hidden_size: 8, intermediate_size: 12, num_hidden_layers: 1 },
  ...{ num_attention_heads: 2, num_key_value_heads: 1, vocab_size: 5, max_position_embeddings: 64, tie_word_embeddings: true },
};

/** Tensors of the small model, all zeros, in `dtype`. */
export function tensorsOf(config: object = CONFIG, dtype: 'F32' | 'F16' | 'BF16' = 'F32'): TensorData[] {
  return weightSpecs(parseConfig(JSON.stringify(config))).map(({ name, shape }) => {
    return { name, shape, dtype, data: new Uint8Array(byteSize(dtype, shape) ?? 0) };
  });
}

export const text = (name: string, content: string | object): File =>
  new File([typeof content === 'string' ? content : JSON.stringify(content)], name);

export const weights = (name: string, tensors: readonly TensorData[]): File => new File([writeSafetensors(tensors)], name);

/** A small complete model; `changes` of its config.json. */
export function smallModel(changes: object = {}): File[] {
  const config = { ...CONFIG, ...changes };
  return [text('config.json', config), weights('model.safetensors', tensorsOf(config)), text('tokenizer.json', '{}')];
}
