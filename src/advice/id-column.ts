/** A column that the model reads although its values are identifiers. */

import type { Fix, Rule } from './advice';
import { readColumns } from './read-columns';

/** A number, a number after some letters, or a UUID. */
const ID = /^([a-z]{0,6}[-_#]?\d+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;

/** Different values are counted up to this number. */
const MOST_COUNTED = 1000;

export const idColumn: Rule = ({ view }) => {
  const read = readColumns(view);
  const ids = read.filter(
    ({ filled, distinct, samples }) =>
      filled >= 10 && distinct === Math.min(filled, MOST_COUNTED) && samples.length > 0 && samples.every((one) => ID.test(one)),
  );
  if (ids.length === 0 || ids.length === read.length) return null;
  const names = ids.map(({ name }) => `“${name}”`).join(' and ');
  return {
    text: `${names} looks like an identifier, different in every row: the model can memorise single rows by it, and learns nothing about others.`,
    fixes: ids.map(({ name }): Fix => ({ kind: 'role', title: `Do not use “${name}”`, column: name, role: 'ignore' })),
  };
};
