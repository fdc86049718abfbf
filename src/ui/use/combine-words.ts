/** Ways to combine adapters, in words. */

import type { CombinedFrom } from '../../../workers/api';
import type { CombinationKind } from '../../recipe/combinations';

export const COMBINATION_WORDS: Readonly<Record<CombinationKind, { readonly name: string; readonly use: string }>> = {
  linear: { name: 'Average (linear)', use: 'Adds the weights of the adapters. Simple and small; the same rank is needed.' },
  cat: {
    name: 'Side by side (cat)',
    use: 'Exact: the result does what all adapters do together. Its rank is the sum of theirs.',
  },
  ties: {
    name: 'TIES',
    use: 'Keeps the largest values of each, and where they disagree those of the stronger direction. Adapters disturb each other less.',
  },
  dare_linear: { name: 'DARE', use: 'Drops values at random and makes the others larger, then adds.' },
  dare_ties: { name: 'DARE with TIES', use: 'Drops values at random, then settles disagreements as TIES does.' },
};

/** What an adapter was combined from: `0.5 × tickets, 0.5 × diary; average (linear)`. */
export function combinedWords({ kind, of }: CombinedFrom): string {
  return `${of.map(({ name, weight }) => `${weight} × ${name}`).join(', ')}; ${COMBINATION_WORDS[kind].name}`;
}
