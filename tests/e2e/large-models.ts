/** Models of many bytes on the disk, with the starter's tokenizer. */

import { closeSync, copyFileSync, ftruncateSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { layOutSafetensors } from '../../src/formats/safetensors-write';
import { sizeOf } from '../../src/core/shape';
import { parseConfig } from '../../src/model/families';
import { weightSpecs } from '../../src/model/weights';
import { root } from '../../scripts/serve';

const STARTER = join(root, 'public', 'models', 'starter');

const LLAMA = {
  ...{ architectures: ['LlamaForCausalLM'], model_type: 'llama', tie_word_embeddings: true, rms_norm_eps: 1e-5 },
  ...{ max_position_embeddings: 2048, rope_theta: 10000, bos_token_id: 0, eos_token_id: 2 },
};

/** Sizes of SmolLM2-135M: 0.27 GB in bf16. */
export const SIZES_135M = {
  ...{ hidden_size: 576, intermediate_size: 1536, num_hidden_layers: 30, num_attention_heads: 9, num_key_value_heads: 3 },
  vocab_size: 49152,
};

/** 2.08 GB in bf16. */
export const SIZES_1B = {
  ...{ hidden_size: 2048, intermediate_size: 8192, num_hidden_layers: 17, num_attention_heads: 32, num_key_value_heads: 8 },
  vocab_size: 4096,
};

/** Writes a Llama of bf16 to the folder. `fill` makes the first bytes of the numbers, which repeat; zeros take no space on the disk. */
export function writeLlama(folder: string, sizes: typeof SIZES_1B, fill: Uint8Array | null): void {
  const config = JSON.stringify({ ...LLAMA, ...sizes });
  writeFileSync(join(folder, 'config.json'), config);
  for (const name of ['tokenizer.json', 'tokenizer_config.json', 'generation_config.json'])
    copyFileSync(join(STARTER, name), join(folder, name));
  const specs = weightSpecs(parseConfig(config)).map(({ name, shape }) => ({ name, shape, dtype: 'BF16' as const }));
  const { header } = layOutSafetensors(specs);
  const bytes = specs.reduce((sum, { shape }) => sum + 2 * sizeOf(shape), 0);
  const file = openSync(join(folder, 'model.safetensors'), 'w');
  writeSync(file, header);
  if (fill === null) ftruncateSync(file, header.length + bytes);
  else for (let at = 0; at < bytes; at += fill.length) writeSync(file, fill.subarray(0, Math.min(fill.length, bytes - at)));
  closeSync(file);
}

/** 16 MB of small numbers in bf16. */
export function smallNumbers(): Uint8Array {
  const numbers = Float32Array.from({ length: 1 << 23 }, (_, i) => 0.05 * Math.sin(i * 1.7));
  return new Uint8Array(Uint16Array.from(new Uint32Array(numbers.buffer), (bits) => bits >>> 16).buffer);
}
