/** One label that most rows have, or labels that are much rarer than others. */

import { defaultDataStep } from '../recipe/data-steps';
import { percent, plural, type Fix, type Rule, type Situation } from './advice';

const MOST = 0.8;
/** Rows of the most frequent label for one of the rarest. */
const RATIO = 10;

export const imbalance: Rule = ({ facts, recipe, view }) => {
  const [first, ...others] = facts.labels;
  const last = others.at(-1);
  if (first === undefined || last === undefined || view.task.task !== 'categories') return null;
  const share = first.rows / facts.labels.reduce((sum, { rows }) => sum + rows, 0);
  const isSkewed = share >= MOST || (first.rows >= RATIO * last.rows && first.rows >= 2 * RATIO);
  const weighed = 'weighting' in recipe.objective && recipe.objective.weighting !== 'none';
  if (!isSkewed || weighed) return null;
  const rarest = `“${last.name}” of ${plural(last.rows, 'row')}`;
  const always = `A model that always says “${first.name}” would be right in ${percent(share)} of them.`;
  return {
    text: `“${first.name}” is the label of ${percent(share)} of the rows, and ${rarest}. ${always}`,
    fixes: fixesOf(recipe),
  };
};

function fixesOf({ objective, dataSteps }: Situation['recipe']): readonly Fix[] {
  const weights: Fix = {
    ...{ kind: 'settings', title: 'Use class weights', values: { 'objective.weighting': 'balanced' } },
  };
  const balance: Fix = { kind: 'step', title: 'Balance the rows', step: defaultDataStep('balance') };
  return [...('weighting' in objective ? [weights] : []), ...(dataSteps.some(({ kind }) => kind === 'balance') ? [] : [balance])];
}
