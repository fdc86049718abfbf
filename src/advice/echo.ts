/** Answers that repeat what was asked. */

import { percent, plural, type Rule } from './advice';

const WORTH = 0.01;

export const echo: Rule = ({ facts }) => {
  if (facts.echoes === 0 || facts.echoes < WORTH * facts.examples) return null;
  const one = facts.echoes === 1;
  return {
    text: `${plural(facts.echoes, 'answer')} (${percent(facts.echoes / facts.examples)}) ${one ? 'is' : 'are'} what was asked, word for word: the model learns to repeat. Check the columns of question and answer.`,
    fixes: [],
  };
};
