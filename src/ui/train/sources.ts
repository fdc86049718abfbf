/** The datasets of a run that is trained on several, in words: what the base and the run make of each. Pure. */

import type { EvalRow, RunView } from '../../../workers/api';
import { learnsFromRewards } from '../../recipe/objectives';
import { loss } from '../charts/figures';
import { count } from '../format';

export interface SourceRow {
  readonly name: string;
  readonly weight: string;
  /** Examples for training, and held out. */
  readonly train: string;
  readonly heldOut: string;
  readonly base: string;
  readonly now: string;
  readonly best: string;
}

/** A row a dataset; none for a run on a single one. */
export function sourceRows(
  { mixture = [] }: Pick<RunView, 'mixture'>,
  evals: readonly Pick<EvalRow, 'step' | 'sources'>[],
): readonly SourceRow[] {
  return mixture.map(({ name, weight, train, heldOut, baseLoss }, i) => {
    const losses = evals.flatMap(({ sources }) => sources?.[i] ?? []);
    return {
      ...{ name, weight: `× ${weight}`, train: count(train), heldOut: count(heldOut) },
      base: loss(baseLoss),
      now: loss(losses.at(-1)),
      best: loss(losses.length === 0 ? null : Math.min(...losses)),
    };
  });
}

/** Why there are no losses of each dataset, in a sentence, or null. */
export function unmeasuredWords({ mixture = [], recipe }: Pick<RunView, 'mixture' | 'recipe'>): string | null {
  if (learnsFromRewards(recipe.objective.kind)) return 'The mean reward is that of held-out questions of all datasets together.';
  return mixture.every(({ heldOut }) => heldOut === 0)
    ? 'No examples are held out, so that the datasets are not measured.'
    : null;
}

/** A sentence about a dataset that became worse than with the base, or null. */
export function worseWords(
  { mixture = [] }: Pick<RunView, 'mixture'>,
  evals: readonly Pick<EvalRow, 'step' | 'sources'>[],
): string | null {
  const last = evals.at(-1)?.sources ?? [];
  const worse = mixture.filter(({ baseLoss }, i) => typeof baseLoss === 'number' && (last[i] ?? -Infinity) > baseLoss + 0.005);
  if (worse.length === 0) return null;
  const names = worse.map(({ name }) => name).join(', ');
  return `${names}: the error is above that of the base. Give ${worse.length === 1 ? 'this dataset' : 'these datasets'} more weight, or train with a lower learning rate.`;
}
