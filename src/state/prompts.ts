/** Prompts to try a model with, taken from its dataset. Pure. */

import type { Example, Message } from '../../workers/api';

/** A prompt, and the system message that goes with it in the data. */
export interface Prompt {
  readonly text: string;
  readonly system: string | null;
  readonly kind: Example['kind'];
}

const wordsOfText = 8;
const longest = 600;

/** Up to `count` different prompts, held-out examples (those at `heldOutLines`) before others. */
export function promptsFrom(examples: readonly Example[], heldOutLines: Iterable<number>, count: number): Prompt[] {
  const lines = new Set(heldOutLines);
  const unseen = examples.filter((example) => lines.has(example.line));
  const seen = examples.filter((example) => !lines.has(example.line));
  const prompts = [...unseen, ...seen].map(promptOf).filter((prompt) => prompt.text !== '' && prompt.text.length <= longest);
  const first = (prompt: Prompt, index: number): boolean => prompts.findIndex((one) => one.text === prompt.text) === index;
  return prompts.filter(first).slice(0, count);
}

/** The first question of a conversation, or the first words of a text. */
function promptOf(example: Example): Prompt {
  if (example.kind === 'text')
    return { kind: 'text', system: null, text: example.text.trim().split(/\s+/).slice(0, wordsOfText).join(' ') };
  const first = (role: Message['role']): string | null => example.messages.find((one) => one.role === role)?.content ?? null;
  return { kind: 'chat', system: first('system'), text: first('user')?.trim() ?? '' };
}
