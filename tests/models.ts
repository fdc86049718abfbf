/** The configurations of six models, without weights. */

import { parseConfig } from '../src/model/families';
import { llama as family, type LlamaConfig } from '../src/model/families/llama';
import type { Rope } from '../src/model/rope';
import { MODEL_NAMES, type ModelName } from './bench/report';
import { modelFile } from './bench/shapes';

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

export const modelShapes = Object.fromEntries(
  MODEL_NAMES.map((name) => [name, parseLlama(JSON.stringify(modelFile(name)))]),
) as Readonly<Record<ModelName, Llama>>;
