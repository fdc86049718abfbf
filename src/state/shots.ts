/** Few-shot prompting: examples of the training data as earlier turns of a conversation, from which the base may learn what is wanted. Pure. */

import type { Example, Message, RunShot } from '../../workers/api';
import { permutation, STREAM } from '../core/random';

/** Examples that a run keeps, and the most that may be asked for. */
export const MOST_SHOTS = 8;

/** Longest example, in characters: longer ones leave no room for others. */
const LONGEST = 600;

/**
 * Up to `MOST_SHOTS` examples of those for training (at `trainLines`), in an order that the seed gives. Only conversations with an answer
 * at their end, without calls of tools: plain texts have no turns.
 */
export function shotsFrom(examples: readonly Example[], trainLines: Iterable<number>, seed: number): readonly RunShot[] {
  const lines = new Set(trainLines);
  const own = examples.flatMap((example): readonly RunShot[] => {
    if (example.kind !== 'chat' || !lines.has(example.line)) return [];
    const messages = turnsOf(example.messages);
    return messages === null ? [] : [{ line: example.line, messages }];
  });
  const known = own.filter(({ line }, i) => own.findIndex((one) => one.line === line) === i);
  return Array.from(permutation(known.length, seed, 0, STREAM.shots))
    .flatMap((index) => known[index] ?? [])
    .slice(0, MOST_SHOTS);
}

/** The turns of user and assistant; null where they are no example of an answer, such as one that is not learnt (`weight` 0). */
function turnsOf(messages: readonly Message[]): readonly Message[] | null {
  const turns = messages.filter(({ role }) => role !== 'system');
  const alternate = turns.every(({ role, toolCalls }, i) => role === (i % 2 === 0 ? 'user' : 'assistant') && !toolCalls);
  const isAnswer = turns.at(-1)?.weight !== 0;
  const length = turns.reduce((sum, { content }) => sum + content.length, 0);
  if (turns.length === 0 || turns.length % 2 !== 0 || !alternate || !isAnswer || length > LONGEST) return null;
  return turns.map(({ role, content }) => ({ role, content }));
}
