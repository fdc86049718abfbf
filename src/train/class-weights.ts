/** How much classes and labels count in the loss, from the recipe and the training examples. */

import type { EncodedSplit, ExampleLayout } from '../batch/types';
import { CodedError } from '../core/errors';
import type { ObjectiveSettings, WeightingSettings } from '../recipe/objectives';

/** What weights are counted in. */
export interface Counted {
  readonly layout?: ExampleLayout;
  readonly train: Pick<EncodedSplit, 'targets' | 'lines'>;
}

/**
 * By the index of the class or label; undefined where all count alike. Throws `recipe/invalid` for a weight whose name no class or label
 * has.
 */
export function classWeightsOf(objective: ObjectiveSettings, { layout, train }: Counted): readonly number[] | undefined {
  if (!('weighting' in objective) || objective.weighting === 'none' || layout === undefined) return undefined;
  if (objective.weighting === 'by-hand') return byHand(objective, layout.names);
  return objective.kind === 'classify' ? balancedClasses(layout.names, train) : balancedLabels(layout.names, train);
}

function byHand({ weights }: WeightingSettings, names: readonly string[]): readonly number[] {
  const unknown = Object.keys(weights).filter((name) => !names.includes(name));
  if (unknown.length === 0) return names.map((name) => weights[name] ?? 1);
  const message = `Weights are given for ${listed(unknown)}, which the data do not have. Their labels are ${listed(names)}. Correct the names.`;
  throw new CodedError('recipe/invalid', message, [{ where: 'objective.weights', message }]);
}

const SHOWN = 12;

const listed = (names: readonly string[]) =>
  names
    .slice(0, SHOWN)
    .map((name) => `“${name}”`)
    .join(', ') + (names.length > SHOWN ? ', …' : '');

/** n / (K · n of the class): scikit-learn's `balanced`. 1 for a class without a training example. */
function balancedClasses(names: readonly string[], { targets = new Float32Array() }: Counted['train']): readonly number[] {
  const counts = names.map((_, k) => targets.reduce((sum, one) => sum + (one === k ? 1 : 0), 0));
  return counts.map((count) => (count === 0 ? 1 : targets.length / (names.length * count)));
}

/** Examples without the label / examples with it; 1 where there are none of either. */
function balancedLabels(names: readonly string[], { targets = new Float32Array(), lines }: Counted['train']): readonly number[] {
  return names.map((_, k) => {
    const having = targets.reduce((sum, one, i) => sum + (i % names.length === k ? one : 0), 0);
    return having === 0 || having === lines.length ? 1 : (lines.length - having) / having;
  });
}
