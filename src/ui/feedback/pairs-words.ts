/** What blind pairs say of a run. Pure. */

import type { RunView, StoredPairs } from '../../../workers/api';
import { pairsVerdict } from '../../state/judging.svelte';

/** The sentence about the pairs, with the ratings on which the run was trained. */
export function pairsWords({ feedback }: Pick<RunView, 'feedback'>, pairs: StoredPairs): string {
  return pairsVerdict(pairs, feedback?.ratings ?? null);
}
