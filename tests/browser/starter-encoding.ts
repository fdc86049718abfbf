/** The tokenizer of the starter model, with the settings of the default recipe. */

import { defaultRecipe } from '../../src/recipe/recipe';
import type { Encoding } from '../../src/state/data.svelte';
import type { EncodeOptions } from '../../workers/api';

export async function starterEncoding(change: Partial<EncodeOptions>): Promise<Encoding> {
  const text = async (name: string): Promise<string> => (await fetch(`/models/starter/${name}`)).text();
  const [tokenizerJson, tokenizerConfig] = await Promise.all([text('tokenizer.json'), text('tokenizer_config.json')]);
  const { sequenceLength, heldOutRatio, testRatio, split, seed, lossOn, dataSteps } = { ...defaultRecipe(), ...change };
  return {
    tokenizer: { tokenizerJson, tokenizerConfig, chatTemplate: null, generationConfig: null },
    options: { sequenceLength, heldOutRatio, testRatio, split, seed, lossOn, dataSteps },
  };
}
