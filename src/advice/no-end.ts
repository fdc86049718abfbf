/** A model that never learns to end its answers. */

import { learnsText, type Rule } from './advice';

export const noEnd: Rule = ({ facts, recipe, view }) =>
  facts.answerEnd !== 'none' || view.format === 'text' || !learnsText(recipe)
    ? null
    : {
        text: 'This model has no token that ends an answer, and its chat template writes none: it will learn to answer and not to stop. Choose another model.',
        fixes: [],
      };
