/** The prompts that a run is sampled with during training: the same ones each time. */

import type { EncodedDataset, EncodedSplit } from '../batch/types';
import type { RunPrompt, RunRecord } from '../checkpoint/types';
import type { Message } from '../dataset/types';
import type { ModelConfig } from '../model/config';
import { cacheShape } from '../model/decode-programs';
import type { CacheShape } from '../model/decode-pass';
import { answersPerPrompt } from '../recipe/objectives';
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
/** Prompts taken from the data when the recipe has none. */
const TAKEN = 2;
/** Tokens of a text that are given; the model continues them. */
const OPENING = 12;

/** The number of prompts that a run writes samples for. */
export function promptCount({ samplePrompts }: Pick<Recipe, 'samplePrompts'>): number {
  return samplePrompts.length || TAKEN;
}

/** The decoder's cache of a run: for all its prompts at once, each of up to the length of an example. */
export function sampleCache(config: ModelConfig, recipe: Recipe): CacheShape {
  const { objective, sequenceLength } = recipe;
  const answers = 'rewards' in objective ? objective.prompts * answersPerPrompt(objective) : 0;
  return cacheShape(config, Math.max(promptCount(recipe), answers), sequenceLength + SAMPLE_TOKENS);
}

/**
 * The recipe's prompts, as user turns where the data are conversations. When the recipe has none: the openings of held-out examples;
 * of conversations with loss on all tokens, whose mask does not mark where the answer begins, the prompts stored with the run.
 */
export function promptsOf(
  { recipe, prompts = [], dataKind }: Pick<RunRecord, 'recipe' | 'prompts' | 'dataKind'>,
  dataset: Pick<EncodedDataset, 'train' | 'heldOut' | 'layout'>,
  tokenizer: TextTokenizer,
): SamplePrompt[] {
  const split = dataset.heldOut.lines.length > 0 ? dataset.heldOut : dataset.train;
  const { documents = 1 } = dataset.layout ?? {};
  const masked = hasMaskedOpening(split);
  const kind = dataKind ?? (masked ? 'chat' : 'text');
  if (recipe.samplePrompts.length > 0) return recipe.samplePrompts.map((text) => promptOf({ text, system: null, kind }));
  if (kind === 'chat' && !masked && prompts.length > 0) return prompts.slice(0, TAKEN).map(promptOf);
  return Array.from({ length: Math.min(TAKEN, split.lines.length) }, (_, i) => opening(split, i * documents, tokenizer));
}

function promptOf({ text, system, kind }: RunPrompt): SamplePrompt {
  if (kind === 'text') return { shown: text, request: { prompt: { text } } };
  const turn: Message = { role: 'user', content: text };
  const messages: Message[] = system === null ? [turn] : [{ role: 'system', content: system }, turn];
  return { shown: text, request: { prompt: { messages } } };
}

/** The loss mask leaves out the opening of the examples, as it does with the user's turn when the loss is on answers only. */
function hasMaskedOpening(split: EncodedSplit): boolean {
  return firstTrained(split, 0) > 1;
}

function firstTrained({ trained, offsets }: EncodedSplit, document: number): number {
  const [from = 0, to = 0] = offsets.subarray(document, document + 2);
  const at = trained.subarray(from, to).indexOf(1);
  return at < 0 ? to - from : at;
}

/** The prompt of a document, exactly as training saw it; null where the loss mask does not mark where the answer begins. */
export function maskedPrompt(split: EncodedSplit, document: number): readonly number[] | null {
  const [from = 0] = split.offsets.subarray(document, document + 1);
  const given = firstTrained(split, document);
  return given > 1 ? [...split.ids.subarray(from, from + given)] : null;
}

/** The user's last turn of a prompt in tokens. */
export function shownPrompt(ids: readonly number[], tokenizer: TextTokenizer): string {
  return lastTurn(tokenizer.decode([...ids], { skipSpecial: false }), tokenizer);
}

/** The tokens before the first trained one, or the first `OPENING` tokens of a text, as ids: exactly what training saw. */
function opening(split: EncodedSplit, document: number, tokenizer: TextTokenizer): SamplePrompt {
  const [from = 0, to = 0] = split.offsets.subarray(document, document + 2);
  const masked = maskedPrompt(split, document);
  if (masked !== null) return { shown: shownPrompt(masked, tokenizer), request: { prompt: { ids: masked } } };
  const ids = [...split.ids.subarray(from, Math.min(to, from + OPENING))];
  return { shown: tokenizer.decode(ids, { skipSpecial: true }), request: { prompt: { ids } } };
}

/** The user's last turn in a rendered conversation, without the chat template around it; the whole text when it is not found. */
export function lastTurn(text: string, tokenizer: TextTokenizer): string {
  const probe = 'probe-of-the-user';
  const rendered = tokenizer.chat.tryRender([{ role: 'user', content: probe }], true) ?? probe;
  const [head = '', tail = ''] = rendered.split(probe);
  const at = text.lastIndexOf(head);
  const body = text.endsWith(tail) ? text.slice(0, text.length - tail.length) : text;
  return at < 0 ? body : body.slice(at + head.length);
}
