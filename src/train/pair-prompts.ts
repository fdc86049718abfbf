/** The prompts of blind pairs: those of a run's data, first of rows that it was not trained on. */

import type { EncodedDataset, EncodedSplit } from '../batch/types';
import type { RunRecord, RunStore } from '../checkpoint/types';
import type { TextTokenizer } from '../tokenizer/tokenizer';
import { storedData } from './origin';
import { maskedPrompt, shownPrompt } from './prompts';
import type { PairPrompt } from './types';

/**
 * Up to `most` different prompts: of the rows that the run held out, of those that the run held out that it carries on, and of its own
 * training rows. A prompt that stands in its training rows, too, is not held out. Empty where the loss is on all tokens, so that nothing
 * marks where a prompt ends. Throws `store/corrupt` when the run's data are not kept.
 */
export async function pairPrompts(
  { datasetHash, parent }: Pick<RunRecord, 'datasetHash' | 'parent'>,
  store: RunStore,
  tokenizer: TextTokenizer,
  most: number,
): Promise<readonly PairPrompt[]> {
  const dataset = await store.dataset(datasetHash);
  const old = parent?.datasetHash === undefined ? null : await storedData(store, parent.datasetHash);
  const trained = promptsIn(dataset.train, dataset.layout);
  const others = [...promptsIn(dataset.heldOut, dataset.layout), ...(old === null ? [] : promptsIn(old.heldOut, old.layout))];
  const unseen = new Map([...others].filter(([key]) => !trained.has(key)));
  const all = new Map([...unseen, ...trained]);
  return [...all].slice(0, most).map(([key, ids]) => ({ shown: shownPrompt(ids, tokenizer), ids, heldOut: unseen.has(key) }));
}

/** The prompts of a split by their tokens, each once. */
function promptsIn(split: EncodedSplit, layout: EncodedDataset['layout']): Map<string, readonly number[]> {
  const documents = layout?.documents ?? 1;
  const prompts = Array.from(split.lines, (_, example) => maskedPrompt(split, example * documents));
  return new Map(prompts.flatMap((ids) => (ids === null ? [] : [[ids.join(), ids] as const])));
}
