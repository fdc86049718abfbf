/** Prompts to try a model with. Pure. */

import type { Example, Message, RunHistory, RunPrompt, RunView } from '../../workers/api';

const wordsOfText = 8;
const longest = 600;
const most = 6;

/** Up to `count` different prompts, held-out examples (those at `heldOutLines`) before others. */
export function promptsFrom(examples: readonly Example[], heldOutLines: Iterable<number>, count: number): RunPrompt[] {
  const lines = new Set(heldOutLines);
  const unseen = examples.filter((example) => lines.has(example.line));
  const seen = examples.filter((example) => !lines.has(example.line));
  const prompts = [...unseen, ...seen].map(promptOf).filter((prompt) => prompt.text !== '' && prompt.text.length <= longest);
  return distinct(prompts).slice(0, count);
}

/**
 * Prompts that belong to a run: those of its recipe, then those of its data. Runs saved by versions that did not store prompts have
 * the prompts of their samples instead.
 */
export function promptsOfRun({ recipe, prompts }: Pick<RunView, 'recipe' | 'prompts'>, history: RunHistory | null): RunPrompt[] {
  const fromData = prompts ?? (history?.samples ?? []).map(({ prompt }) => plainPrompt(prompt));
  const own = recipe.samplePrompts.map((text) => fromData.find((prompt) => prompt.text === text) ?? plainPrompt(text, fromData));
  return distinct([...own, ...fromData]).slice(0, most);
}

/** A prompt of which only the text is known; it is of the kind of the others. */
function plainPrompt(text: string, others: readonly RunPrompt[] = []): RunPrompt {
  return { text, system: null, kind: others[0]?.kind ?? 'chat' };
}

function distinct(prompts: readonly RunPrompt[]): RunPrompt[] {
  return prompts.filter((prompt, index) => prompts.findIndex((one) => one.text === prompt.text) === index);
}

/** The first question of a conversation, or the first words of a text. */
function promptOf(example: Example): RunPrompt {
  if (example.kind === 'text')
    return { kind: 'text', system: null, text: example.text.trim().split(/\s+/).slice(0, wordsOfText).join(' ') };
  const first = (role: Message['role']): string | null => example.messages.find((one) => one.role === role)?.content ?? null;
  return { kind: 'chat', system: first('system'), text: first('user')?.trim() ?? '' };
}
