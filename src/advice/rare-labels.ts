/** Labels with so few rows that they can't be both learnt and measured. */

import { plural, type Rule } from './advice';

const FEW = 2;
const LISTED = 4;

export const rareLabels: Rule = ({ facts }) => {
  const rare = facts.labels.filter(({ rows }) => rows <= FEW);
  if (rare.length === 0 || rare.length === facts.labels.length) return null;
  const names = rare.slice(0, LISTED).map(({ name }) => `“${name}”`);
  const listed = `${names.join(', ')}${rare.length > LISTED ? ` and ${rare.length - LISTED} more` : ''}`;
  return {
    text: `${plural(rare.length, 'label')} ${rare.length === 1 ? 'has' : 'have'} one or two rows: ${listed}. Too few to learn from and to measure. Add rows, or give them a label that means the same.`,
    fixes: [],
  };
};
