/** The newest rows are for the test, those before them for validation: a model is measured on what came after what it learnt. */

import { CodedError } from '../../core/errors';
import { lineWords } from '../../core/places';
import type { SplitSettingsOf } from '../../recipe/splits';
import { cellText } from '../table';
import { columnNamed, cutOrder, type SplitKind, type SplitRows } from './split';
import { readTimes, type Times } from './times';

/** Rows of one time are in the order of the data. */
export const time: SplitKind<SplitSettingsOf<'time'>> = {
  reads(shape, { column: name }) {
    const column = columnNamed(shape, name, 'as the time of a row');
    return ({ cells }) => cellText(cells[column]).trim();
  },

  assign(rows, { column }, shares) {
    const read = readTimes(rows.texts);
    if (read.unread.size > 0) throw unreadable(column, rows, read);
    const at = rows.texts.map((text) => read.times.get(text) ?? 0);
    const newestFirst = [...at.keys()].sort((a, b) => (at[b] ?? 0) - (at[a] ?? 0) || b - a);
    return cutOrder(newestFirst, shares);
  },
};

const LISTED = 20;

function unreadable(column: string, { texts, lines, files }: SplitRows, { unread }: Times): CodedError {
  const problems = [...texts.keys()].flatMap((row) => {
    const text = texts[row] ?? '';
    const why = unread.get(text);
    return why === undefined ? [] : [{ where: lineWords(files, lines[row] ?? 0), message: why }];
  });
  const [first] = problems;
  const cells = problems.length === 1 ? '1 cell' : `${problems.length.toLocaleString('en')} cells`;
  const found = `${cells} of “${column}” can't be read as a time. For example ${first?.where ?? ''}: ${first?.message ?? ''}`;
  return new CodedError(
    'data/columns',
    `${found} Write dates as 2024-01-31, choose another column, or another way to split.`,
    problems.slice(0, LISTED),
  );
}
