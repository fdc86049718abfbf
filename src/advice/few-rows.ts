/** Too few examples for the task. */

import type { DataTask } from '../dataset/types';
import { plural, shown, type Rule } from './advice';

interface Enough {
  /** Fewer than this are too few: for each label where there are labels. */
  readonly fewest: number;
  readonly why: string;
}

/**
 * Rules of thumb: OpenAI's guide to fine-tuning sees clear improvements from 50 to 100 conversations; classifiers tuned on 8 examples of
 * each label fall behind those with 64 by 10 points or more (SetFit, arXiv 2209.11055).
 */
const ENOUGH: Readonly<Record<DataTask, Enough>> = {
  text: { fewest: 50, why: 'OpenAI’s guide to fine-tuning sees clear improvements from 50 to 100 good examples' },
  preference: { fewest: 100, why: 'with fewer pairs the model learns their wording, not what makes an answer better' },
  ratings: { fewest: 100, why: 'with fewer rated answers the model learns their wording, not what makes an answer good' },
  number: { fewest: 100, why: 'with fewer the held-out ones are too few to tell whether the predictions are any good' },
  categories: { fewest: 16, why: 'with fewer the model learns their words, not what they have in common' },
  labels: { fewest: 16, why: 'with fewer the model learns their words, not what they have in common' },
};

export const fewRows: Rule = ({ view, facts, stats, recipe }) => {
  const { task, labels } = view.task;
  const { fewest, why } = ENOUGH[task];
  const perLabel = (task === 'categories' || task === 'labels') && labels !== null && labels > 0;
  const wanted = perLabel ? fewest * labels : fewest;
  // Of rated answers only the good ones are examples of texts.
  const examples = recipe.objective.kind === 'kto' ? (stats?.examples ?? view.examples) : view.examples;
  if (examples === 0 || examples >= wanted) return null;
  const each = perLabel && facts.labels.length > 0 ? ` for ${shown(labels)} labels` : '';
  const need = perLabel ? `${shown(fewest)} for each label` : shown(fewest);
  return {
    text: `Only ${plural(examples, 'example')}${each}: enough to try it out. Collect ${need} or more; ${why}.`,
    fixes: [],
  };
};
