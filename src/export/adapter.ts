/** The files of an exported adapter. */

import type { NamedTensor } from '../method/parameters';
import { CodedError } from '../core/errors';
import { modelCard, type CardFacts } from './card';
import { writePeft } from './peft';
import type { ExportedFile } from './types';

/** adapter_config.json, adapter_model.safetensors and README.md, as PEFT lays them out. */
export function adapterFiles(tensors: readonly NamedTensor[], facts: CardFacts): ExportedFile[] {
  const { method } = facts.recipe;
  if (method.kind !== 'lora')
    throw new CodedError('model/unsupported', `${facts.name} trained the model itself: it has no adapter.`);
  const card = { name: 'README.md', bytes: new TextEncoder().encode(modelCard(facts)) };
  return [...writePeft(tensors, { ...method, fanInFanOut: facts.fanInFanOut ?? false }, facts.modelName), card];
}
