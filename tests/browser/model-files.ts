/** A small complete model for tests in the browser. */

import { parseConfig } from '../../src/model/families';
import { weightSpecs } from '../../src/model/weights';
import { openFolder, type ModelFolder } from '../../src/model/folder';
import { byteSize } from '../../src/formats/safetensors';
import { writeSafetensors } from '../../src/formats/safetensors-write';

const CONFIG = {
  ...{ model_type: 'llama', hidden_size: 64, intermediate_size: 128, num_hidden_layers: 2, num_attention_heads: 4 },
  ...{ vocab_size: 500, max_position_embeddings: 64, tie_word_embeddings: true },
};

/** Weights and id depend on `seed`. */
export function modelFiles(seed = 1): File[] {
  const config = JSON.stringify(CONFIG);
  const tensors = weightSpecs(parseConfig(config)).map(({ name, shape }) => {
    const numbers = new Float32Array((byteSize('F32', shape) ?? 0) / 4).map((_, i) => Math.sin(seed * i));
    return { name, shape, dtype: 'F32', data: new Uint8Array(numbers.buffer) } as const;
  });
  const text = (name: string, content: string) => new File([content], name);
  const weights = new File([writeSafetensors(tensors)], 'model.safetensors');
  return [text('config.json', config), text('tokenizer.json', '{"model":{}}'), text('tokenizer_config.json', '{}'), weights];
}

export const smallModel = (seed = 1, name = `model ${seed}`): Promise<ModelFolder> => openFolder(modelFiles(seed), { name });
