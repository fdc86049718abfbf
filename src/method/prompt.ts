/**
 * Prompt tuning (Lester et al., arXiv 2104.08691): trained vectors stand before the embeddings of each document, as if they were those of
 * tokens. The model stays as it is.
 */

import { internal } from '../core/errors';
import { hashOf, STREAM, uniform } from '../core/random';
import type { Pass } from '../model/family';
import { tokenTable } from '../model/weights';
import type { PromptSettings } from '../recipe/methods';
import { add } from '../../kernels/add';
import { embedding } from '../../kernels/embedding';
import type { Value } from '../../kernels/op';
import type { Method } from './method';
import type { Init } from './parameters';

/** PEFT's name of the vectors [n, C]. */
export const PROMPT_EMBEDDINGS = 'prompt_embeddings';

export const prompt: Method<PromptSettings> = {
  parameters(config, { virtualTokens, promptStart }) {
    const { embeddingScale: scale = 1 } = config;
    const init: Init =
      promptStart === 'random' ? { kind: 'normal', deviation: 1 } : { kind: 'token-rows', of: tokenTable(config), scale };
    return [{ name: PROMPT_EMBEDDINGS, shape: [virtualTokens, config.hiddenSize], init }];
  },

  problems: (_config, { promptStart, promptText }) =>
    promptStart === 'text' && promptText.trim() === ''
      ? [{ where: 'method.promptText', message: 'there is no text to start from; write one, or start from the vocabulary' }]
      : [],

  wrap: (pass, own) => withPrompt(pass, () => own.named(PROMPT_EMBEDDINGS)),

  fuse: () => null,
};

/** The pass with the vectors [n, C] in the places of the virtual tokens, where the rows of the table of embeddings are zeros. */
export function withPrompt(pass: Pass, vectors: () => Value): Pass {
  const { program, virtual } = pass;
  if (virtual === null) throw internal('a trained prompt in a batch without places for it');
  return {
    ...pass,
    embed(name, ids, scale) {
      const rows = pass.embed(name, ids, scale);
      return ids === virtual.ids ? add(program, rows, embedding(program, { table: vectors(), ids: virtual.indices })) : rows;
    },
  };
}

/** What a start from tokens needs to know of the tokenizer. */
export interface StartTokenizer {
  /** Ids with the special tokens that the tokenizer adds to a text. */
  readonly encode: (text: string) => readonly number[];
  readonly vocabSize: number;
}

/** The tokens whose embeddings the vectors start as, repeated or cut to their number; undefined for a random start. */
export function startIds(
  { virtualTokens, promptStart, promptText }: PromptSettings,
  { encode, vocabSize }: StartTokenizer,
  seed: number,
): readonly number[] | undefined {
  if (promptStart === 'random') return undefined;
  const found = promptStart === 'text' ? encode(promptText) : [];
  const key = hashOf(PROMPT_EMBEDDINGS);
  const drawn = (i: number) => Math.floor(uniform(seed, key, STREAM.adapterInit, i) * vocabSize);
  return Array.from({ length: virtualTokens }, (_, i) => found[i % found.length] ?? drawn(i));
}
