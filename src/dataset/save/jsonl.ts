/** JSON lines: every line has every column, so that their order and number are those of the table. A missing cell is null. */

import type { RowSaver, SavedRows } from './saver';

export const jsonl: RowSaver = {
  extension: '.jsonl',
  passes: 1,
  async *write({ columns, read }: SavedRows) {
    // Written key by key: an object can't have a key `__proto__` that is set like others.
    const keys = columns.map((name) => `${JSON.stringify(name)}: `);
    for await (const chunk of read()) {
      yield chunk.map((cells) => `{${keys.map((key, i) => key + jsonOf(cells[i])).join(', ')}}\n`).join('');
    }
  },
};

const jsonOf = (cell: unknown): string => (cell === undefined ? 'null' : JSON.stringify(cell));
