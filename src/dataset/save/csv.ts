/** CSV as RFC 4180 has it, with `\n` between rows. Cells are texts: lists and objects are written as JSON. */

import { cellText } from '../table';
import type { RowSaver, SavedRows } from './saver';

/** Fields with these are quoted: also those of other separators, by which a reader might guess wrong. */
const QUOTED = /[",;|\t\r\n]|^\s|\s$/;

export const csv: RowSaver = {
  extension: '.csv',
  passes: 1,
  async *write({ columns, read }: SavedRows) {
    yield `${columns.map(field).join(',')}\n`;
    for await (const chunk of read()) {
      yield chunk.map((cells) => `${lineOf(columns.map((_, i) => cellText(cells[i])))}\n`).join('');
    }
  },
};

/** A row of one empty field is quoted, because readers skip empty lines. */
function lineOf(cells: readonly string[]): string {
  return cells.length === 1 && cells[0] === '' ? '""' : cells.map(field).join(',');
}

const field = (text: string): string => (QUOTED.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
