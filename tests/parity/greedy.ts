/** Continues prompts greedily with a real model and compares the tokens with those of transformers. */

import { fetchFiles, openFolder } from '../../src/model/folder';
import type { Engine } from '../../src/train/engine';
import { LoadedModel } from '../../src/train/loaded';

const FILES = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];

export interface GreedyResult {
  /** Tokens that agree, of each continuation those before its first difference. */
  readonly agreed: number;
  readonly expected: number;
}

interface Continuation {
  readonly ids: readonly number[];
  readonly greedy: readonly number[];
}

/** As make_greedy.py writes it; or one continuation of the start token, of the model in the same folder. */
type Expected =
  | { readonly model: string; readonly continuations: readonly Continuation[] }
  | { readonly tokens_greedy_from_bos: readonly number[] };

/** `base` is the address of a folder with expected_greedy.json. */
export async function greedy(base: string, engine: Engine): Promise<GreedyResult> {
  const expected = (await (await fetch(`${base}/expected_greedy.json`)).json()) as Expected;
  const folder = await openFolder(await fetchFiles(modelAddress(base, expected), FILES));
  const model = await LoadedModel.load(engine, folder, 'stored');
  let agreed = 0;
  const all = continuationsOf(expected);
  for (const continuation of all) agreed += await agreedTokens(model, continuation);
  await model.dispose();
  return { agreed, expected: all.reduce((sum, { greedy: tokens }) => sum + tokens.length, 0) };
}

/** The server that serves `base` has the files of `public` at its root. */
function modelAddress(base: string, expected: Expected): URL {
  return 'model' in expected ? new URL(`/${expected.model.replace(/^public\//, '')}/`, base) : new URL(`${base}/`);
}

function continuationsOf(expected: Expected): readonly Continuation[] {
  if ('continuations' in expected) return expected.continuations;
  const { tokens_greedy_from_bos: tokens } = expected;
  return [{ ids: tokens.slice(0, 1), greedy: tokens.slice(1) }];
}

async function agreedTokens(model: LoadedModel, { ids, greedy: expected }: Continuation): Promise<number> {
  const request = { prompt: { ids }, maxTokens: expected.length, temperature: 0, topP: 1, seed: 0 };
  const found = await model.generate(
    () => Promise.resolve(null),
    request,
    () => undefined,
    () => false,
  );
  const wrong = expected.findIndex((id, i) => found.ids[i] !== id);
  return wrong < 0 ? expected.length : wrong;
}
