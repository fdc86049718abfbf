/** A column that the model reads although it is the same in every row. */

import type { Fix, Rule } from './advice';
import { readColumns } from './read-columns';

export const constantColumn: Rule = ({ view }) => {
  const read = readColumns(view);
  const same = read.filter(({ filled, distinct }) => distinct === 1 && filled >= 10);
  if (same.length === 0 || same.length === read.length) return null;
  const names = same.map(({ name }) => `“${name}”`).join(' and ');
  return {
    text: `${names} ${same.length === 1 ? 'has' : 'have'} the same value in every row: the model reads it each time and can learn nothing from it.`,
    fixes: same.map(({ name }): Fix => ({ kind: 'role', title: `Do not use “${name}”`, column: name, role: 'ignore' })),
  };
};
