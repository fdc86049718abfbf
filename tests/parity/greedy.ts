/** Continues a real model from its start token, greedily, and compares with what a right forward pass gives. */

import { fetchFiles, openFolder } from '../../src/model/folder';
import type { Engine } from '../../src/train/engine';
import { LoadedModel } from '../../src/train/loaded';

const FILES = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];

export interface GreedyResult {
  /** Tokens that agree from the start, of how many. */
  readonly agreed: number;
  readonly expected: number;
}

/** `base` is the address of a folder with a model and expected_greedy.json. */
export async function greedy(base: string, engine: Engine): Promise<GreedyResult> {
  const { tokens_greedy_from_bos: expected } = (await (await fetch(`${base}/expected_greedy.json`)).json()) as {
    tokens_greedy_from_bos: number[];
  };
  const folder = await openFolder(await fetchFiles(new URL(`${base}/`), FILES));
  const model = await LoadedModel.load(engine, folder, 'stored', () => undefined);
  const prompt = { ids: expected.slice(0, 1) };
  const request = { prompt, maxTokens: expected.length - 1, temperature: 0, topP: 1, seed: 0 };
  const { ids } = await model.generate(
    null,
    request,
    () => undefined,
    () => false,
  );
  model.dispose();
  const wrong = expected.slice(1).findIndex((id, i) => ids[i] !== id);
  return { agreed: wrong < 0 ? expected.length - 1 : wrong, expected: expected.length - 1 };
}
