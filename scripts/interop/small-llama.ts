/** A Llama with one layer and random weights. */

import { writeSafetensors } from '../../src/formats/safetensors-write';
import { parseConfig } from '../../src/model/families';
import { weightSpecs } from '../../src/model/weights';

/** config.json and model.safetensors. */
export function smallLlama(vocabulary: number): readonly File[] {
  const config = JSON.stringify({
    ...{ architectures: ['LlamaForCausalLM'], model_type: 'llama', vocab_size: vocabulary, tie_word_embeddings: true },
    ...{ hidden_size: 32, intermediate_size: 32, num_hidden_layers: 1, num_attention_heads: 1, max_position_embeddings: 512 },
  });
  const tensors = weightSpecs(parseConfig(config)).map(({ name, shape }) => {
    const numbers = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => Math.random() - 0.5);
    return { name, shape, dtype: 'F32' as const, data: new Uint8Array(numbers.buffer) };
  });
  return [new File([config], 'config.json'), new File([writeSafetensors(tensors)], 'model.safetensors')];
}
