/** The prompts of a run that learns from its own answers: which there are, and which are answered in a step. Pure. */

import type { EncodedSplit } from '../batch/types';
import { inPasses, STREAM } from '../core/random';

/** The beginning of an example up to its last trained part, as ids, and that part: the answer of the data. */
export interface RolloutPrompt {
  readonly ids: readonly number[];
  readonly expected: readonly number[];
  /** What the data have after it, such as the line break that a chat template ends turns with. */
  readonly tail: readonly number[];
  /** Tokens that an answer may have: prompt and answer fit into the sequence length. */
  readonly room: number;
}

/** The prompts of the examples `indices`, all when absent; of those without a prompt, or without room for an answer, none. */
export function promptsOf(
  split: EncodedSplit,
  sequenceLength: number,
  answerLength: number,
  indices: Iterable<number> = split.lines.keys(),
): readonly RolloutPrompt[] {
  return Array.from(indices, (i) => promptAt(split, i))
    .map((prompt) => ({ ...prompt, room: Math.min(answerLength, sequenceLength - prompt.ids.length) }))
    .filter(({ ids, room }) => ids.length > 0 && room > 0);
}

function promptAt({ ids, trained, offsets }: EncodedSplit, document: number): Omit<RolloutPrompt, 'room'> {
  const [from = 0, to = 0] = offsets.subarray(document, document + 2);
  const flags = trained.subarray(from, to);
  const end = flags.lastIndexOf(1) + 1;
  const start = flags.subarray(0, end).lastIndexOf(0) + 1;
  // The first token of a document is never trained: a text of which all is trained has no prompt.
  const given = start > 1 ? start : 0;
  const [prompt, expected, tail] = [
    ids.subarray(from, from + given),
    ids.subarray(from + start, from + end),
    ids.subarray(from + end, to),
  ];
  return { ids: [...prompt], expected: [...expected], tail: [...tail] };
}

/** Indices of the prompts of rollout `rollout`: every pass goes through all of `count` in an order of its own. */
export function promptsAt(rollout: number, perRollout: number, count: number, seed: number): readonly number[] {
  return [...inPasses(count, rollout * perRollout, perRollout, seed, STREAM.prompts)];
}
