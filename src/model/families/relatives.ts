/** Families that are not supported and have a relative that is: what each is, by its `model_type`. */

const EXPERTS = 'a mixture of experts, which is not supported';
const IMAGES = 'a model with images, which are not supported';

const RELATIVES: Readonly<Record<string, string>> = {
  gemma: 'Gemma 1; of the Gemma models, gemma2 and gemma3_text are supported',
  gemma3: 'Gemma 3 with images (4B and larger); its text models, gemma3_text (270M and 1B), are supported',
  gemma3n: 'Gemma 3n; of the Gemma models, gemma2 and gemma3_text are supported',
  phi: 'Phi-1 or Phi-2; of the Phi models, phi3 is supported',
  phimoe: EXPERTS,
  mixtral: EXPERTS,
  qwen2_moe: EXPERTS,
  qwen3_moe: EXPERTS,
  llama4: EXPERTS,
  mistral3: IMAGES,
  mllama: IMAGES,
  qwen2_vl: IMAGES,
  qwen2_5_vl: IMAGES,
  qwen3_vl: IMAGES,
  'modernbert-decoder': 'the decoder of ModernBERT; the encoder, modernbert, is supported',
};

/** What the family of that `model_type` is; null where nothing is known about it. */
export function relativeOf(modelType: string): string | null {
  return Object.hasOwn(RELATIVES, modelType) ? (RELATIVES[modelType] ?? null) : null;
}
