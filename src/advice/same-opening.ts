/** Answers that nearly all begin alike. */

import { learnsText, percent, type Rule } from './advice';

const MOST = 0.5;
/** With fewer examples it may be chance. */
const FEWEST = 20;

export const sameOpening: Rule = ({ facts, recipe, view }) => {
  const { words, examples } = facts.opening;
  const isText = learnsText(recipe) && view.task.task === 'text';
  if (!isText || facts.examples < FEWEST || examples < MOST * facts.examples) return null;
  const what = view.format === 'text' ? 'texts' : 'answers';
  return {
    text: `${percent(examples / facts.examples)} of the ${what} begin with “${words}”: the model will begin so, too. Remove the words from the data unless that is what you want.`,
    fixes: [],
  };
};
