/** Labels that stand in what the model reads. */

import { percent, type Fix, type Rule } from './advice';

const MOST = 0.5;
const FEWEST = 20;

export const labelLeak: Rule = ({ facts, view }) => {
  const rows = facts.labels.reduce((sum, label) => sum + label.rows, 0);
  const [leak] = facts.leaks.filter((one) => one.rows >= MOST * rows).toSorted((a, b) => b.rows - a.rows);
  if (leak === undefined || rows < FEWEST || view.task.task !== 'categories') return null;
  const others = facts.leaks.length > 1 && view.template === null;
  const fix: Fix = { kind: 'role', title: `Do not use “${leak.column}”`, column: leak.column, role: 'ignore' };
  return {
    text: `In ${percent(leak.rows / rows)} of the rows the label stands in “${leak.column}” as a word: the model learns to find the word, and fails on texts without it.`,
    fixes: others ? [fix] : [],
  };
};
