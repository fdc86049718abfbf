/** Ids of rendered conversations and of prompts. Training and generation share this code and so see the same tokens. */

import type { Message } from '../dataset/types';
import { promptSpans, type Span } from './spans';
import type { TextTokenizer } from './tokenizer';

/** A conversation to answer, or a text to continue. */
export type Prompt = { readonly messages: readonly Message[] } | { readonly text: string };

/** Ids of a prompt for generation: the same that precede an answer in training. Throws what the chat template raises. */
export function encodePrompt(tokenizer: TextTokenizer, prompt: Prompt): number[] {
  if ('text' in prompt) return [...tokenizer.prefix, ...tokenizer.encode(prompt.text)];
  return joinSpans(tokenizer, promptSpans(tokenizer.chat, prompt.messages, tokenizer.stopTexts)).ids;
}

/** Encodes the spans in order, each as the continuation of those before it. `trained`: 1 for tokens of trained spans, else 0. */
export function joinSpans(tokenizer: TextTokenizer, spans: readonly Span[]): { ids: number[]; trained: number[] } {
  const ids: number[] = [];
  const trained: number[] = [];
  let left = '';
  for (const { text, trained: counts } of spans) {
    for (const id of tokenizer.encodeAfter(left, text)) {
      ids.push(id);
      trained.push(counts ? 1 : 0);
    }
    left += text;
  }
  return { ids, trained };
}
