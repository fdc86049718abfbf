/** A few examples that are far longer than the others. */

import { OUTLIER } from '../dataset/outlier';
import { plural, shown, type Fix, type Rule } from './advice';

/** Shorter ones fit into most sequences. */
const LONG = 4000;
/** More than this share are no outliers. */
const FEW = 0.02;

export const outliers: Rule = ({ facts, view, recipe }) => {
  const { median, outliers: found, longest } = facts.length;
  const limit = Math.max(LONG, OUTLIER * median);
  const removed = recipe.dataSteps.some((step) => step.kind === 'length' && step.max > 0);
  if (found === 0 || longest <= limit || found > FEW * facts.examples || removed) return null;
  const text = `${plural(found, 'example')} ${found === 1 ? 'is' : 'are'} more than ${OUTLIER} times as long as most: up to ${shown(longest)} characters, where half have fewer than ${shown(median)}. Often they are pages or logs that were pasted by mistake.`;
  const fix: Fix = {
    ...{ kind: 'step', title: `Remove texts over ${shown(limit)} characters` },
    step: { kind: 'length', of: view.format === 'text' || view.format === 'text-label' ? 'input' : 'answer', min: 0, max: limit },
  };
  return { text, fixes: view.format === 'messages' || view.format === 'sharegpt' ? [] : [fix] };
};
