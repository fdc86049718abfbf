/** Drops rows whose text is shorter or longer than a number of characters. */

import type { DataStepSettingsOf } from '../../recipe/data-steps';
import { messageStyle, readMessages } from '../messages';
import { cellText, type Row } from '../table';
import type { ColumnRole } from '../types';
import { columnsWith, eachRow, type DataStep, type Shape } from './step';

type Settings = DataStepSettingsOf<'length'>;
type Measured = Settings['of'];

/** The columns that are measured. In conversations, the assistant's turns are the answer and all others are input. */
const ROLES: Readonly<Record<Measured, readonly ColumnRole[]>> = {
  input: ['text', 'user', 'context', 'messages'],
  answer: ['assistant', 'label', 'messages'],
};

/** Characters are UTF-16 units, without white space at the ends. A row without text stays: its own problem is reported. */
export const length: DataStep<Settings> = {
  begin(shape, { of, min, max }) {
    const measure = measurer(shape, of);
    const limit = max === 0 ? Infinity : max;
    return eachRow((row) => {
      const size = measure(row);
      if (size === 0 || (size >= min && size <= limit)) return row;
      const found = `The ${of} has ${size.toLocaleString('en')} ${size === 1 ? 'character' : 'characters'}`;
      return size < min
        ? `${found}, fewer than ${min.toLocaleString('en')}.`
        : `${found}, more than ${max.toLocaleString('en')}.`;
    });
  },
  suggest: () => ({ kind: 'length', of: 'input', min: 2, max: 0 }),
};

function measurer(shape: Shape, of: Measured): (row: Row) => number {
  const columns = columnsWith(shape, ...ROLES[of]);
  return ({ cells }) => columns.reduce((sum, column) => sum + sizeOf(cells[column], of), 0);
}

function sizeOf(cell: unknown, of: Measured): number {
  if (messageStyle(cell) === null) return cellText(cell).trim().length;
  const messages = readMessages(cell, '');
  if (typeof messages === 'string') return 0;
  const turns = messages.filter(({ role }) => (role === 'assistant') === (of === 'answer'));
  return turns.reduce((sum, { content }) => sum + content.trim().length, 0);
}
