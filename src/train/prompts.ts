/** The fixed prompts that a run is sampled with while it trains. */

import type { EncodedDataset, EncodedSplit } from '../batch/types';
import type { ModelConfig } from '../model/config';
import { cacheShape } from '../model/generate';
import type { CacheShape } from '../model/pass';
import type { Recipe } from '../recipe/recipe';
import type { TextTokenizer } from '../tokenizer/tokenizer';
import type { GenerateRequest } from './types';

export interface SamplePrompt {
  /** As the page shows it. */
  readonly shown: string;
  readonly request: Pick<GenerateRequest, 'prompt'>;
}

/** Tokens of a sample during training. */
export const SAMPLE_TOKENS = 48;
/** Prompts taken from the data when the recipe names none. */
const TAKEN = 2;
/** Tokens of a running text that are given, the rest to be continued. */
const OPENING = 12;

/** The decoder's cache of a run: for all its prompts at once, each as long as an example may be. */
export function sampleCache(config: ModelConfig, { samplePrompts, sequenceLength }: Recipe): CacheShape {
  return cacheShape(config, samplePrompts.length || TAKEN, sequenceLength + SAMPLE_TOKENS);
}

/** The recipe's prompts, as user turns where the data are conversations; else the openings of held-out examples. */
export function promptsOf(
  recipe: Pick<Recipe, 'samplePrompts'>,
  dataset: EncodedDataset,
  tokenizer: TextTokenizer,
): SamplePrompt[] {
  const split = dataset.heldOut.lines.length > 0 ? dataset.heldOut : dataset.train;
  const chats = isChat(split);
  if (recipe.samplePrompts.length > 0) {
    return recipe.samplePrompts.map((text) => ({
      shown: text,
      request: { prompt: chats ? { messages: [{ role: 'user', content: text }] } : { text } },
    }));
  }
  return Array.from({ length: Math.min(TAKEN, split.lines.length) }, (_, i) => opening(split, i, tokenizer));
}

/** Conversations have tokens at their start that are not trained: the user's turn. */
function isChat(split: EncodedSplit): boolean {
  return firstTrained(split, 0) > 1;
}

function firstTrained({ trained, offsets }: EncodedSplit, example: number): number {
  const [from = 0, to = 0] = offsets.subarray(example, example + 2);
  const at = trained.subarray(from, to).indexOf(1);
  return at < 0 ? to - from : at;
}

/** Everything before the first trained token, or the first words of a running text, as ids: exactly what training saw. */
function opening(split: EncodedSplit, example: number, tokenizer: TextTokenizer): SamplePrompt {
  const [from = 0, to = 0] = split.offsets.subarray(example, example + 2);
  const given = firstTrained(split, example);
  const length = given > 1 ? given : Math.min(OPENING, to - from);
  const ids = [...split.ids.subarray(from, from + length)];
  const text = tokenizer.decode(ids, { skipSpecial: given <= 1 });
  return { shown: given > 1 ? lastTurn(text, tokenizer) : text, request: { prompt: { ids } } };
}

/** The user's last words in a rendered conversation, without the template round them; all of it where they can't be told. */
function lastTurn(text: string, tokenizer: TextTokenizer): string {
  const probe = 'probe-of-the-user';
  const rendered = tokenizer.chat.tryRender([{ role: 'user', content: probe }], true) ?? probe;
  const [head = '', tail = ''] = rendered.split(probe);
  const at = text.lastIndexOf(head);
  const body = text.endsWith(tail) ? text.slice(0, text.length - tail.length) : text;
  return at < 0 ? body : body.slice(at + head.length);
}
