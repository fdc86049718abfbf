/** The files of an exported adapter. */

import type { AdapterTensor } from '../adapter/types';
import { modelCard, type CardFacts } from './card';
import { writePeft } from './peft';
import type { ExportedFile } from './types';

/** adapter_config.json, adapter_model.safetensors and README.md, as PEFT lays them out. */
export function adapterFiles(tensors: readonly AdapterTensor[], facts: CardFacts): ExportedFile[] {
  const card = { name: 'README.md', bytes: new TextEncoder().encode(modelCard(facts)) };
  return [...writePeft(tensors, facts.recipe, facts.modelName), card];
}
