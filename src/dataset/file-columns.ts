/** The columns that tell where a row of several files comes from: `file`, and `split` where the files say what their rows are for. */

import { ColumnCounts } from './columns';
import { splitOfPath } from './file-names';
import type { ParsedFile } from './parse';
import { fileAt } from '../core/places';
import { isFilled, type Row } from './table';
import type { DataFile, FileView, SplitName } from './types';

const FILE = 'file';
const SPLIT = 'split';

/**
 * What the rows of each file are for: as the user says, else as the path says; where some say it, those that do not are for training.
 * Null for all when that would tell nothing apart.
 */
export function splitsOf(files: readonly DataFile[]): readonly (SplitName | null)[] {
  const said = files.map(({ path, split }) => split ?? splitOfPath(path));
  if (said.every((split) => split === null)) return said;
  const splits = said.map((split) => split ?? 'train');
  return new Set(splits).size > 1 || files.some(({ split }) => split !== undefined) ? splits : said.map(() => null);
}

/** The table with its rows' file and split, after all other columns. A split that a row has in the file stays, unless the user said another. */
export function withOrigin(table: ParsedFile, files: readonly FileView[], chosen: ReadonlySet<string>): ParsedFile {
  const { columns } = table;
  const name = columns.includes(FILE) ? `source ${FILE}` : FILE;
  const divided = files.some(({ split }) => split !== null);
  const own = columns.indexOf(SPLIT);
  const added = divided && own < 0 ? [name, SPLIT] : [name];
  const withCells = (row: Row): Row => {
    const file = files[fileAt(files, row.line)];
    const cells: unknown[] = columns.map((_, column) => row.cells[column]);
    const decides = own >= 0 && divided && (chosen.has(file?.name ?? '') || !isFilled(cells[own]));
    if (decides) cells[own] = file?.split;
    return { ...row, cells: [...cells, file?.name, ...(added.length > 1 ? [file?.split] : [])] };
  };
  return {
    ...table,
    files,
    columns: [...columns, ...added],
    sample: table.sample.map(withCells),
    stats: [...table.stats, ...statsOf(files, added)],
    rows: {
      ...table.rows,
      async *read() {
        for await (const rows of table.rows.read()) yield rows.map(withCells);
      },
    },
  };
}

function statsOf(files: readonly FileView[], added: readonly string[]) {
  const counts = new ColumnCounts();
  for (const { name, split, rows } of files) counts.add({ line: 0, cells: [name, split].slice(0, added.length) }, rows);
  return counts.stats(added);
}

/** How many files, and what their names say, in sentences. */
export function originNotes(files: readonly FileView[]): string[] {
  const joined = `${files.length.toLocaleString('en')} files are one table; the column “file” tells where a row comes from.`;
  const splits = [...new Set(files.flatMap(({ split }) => split ?? []))];
  const told = splits.map((split) => `${split} (${files.filter((file) => file.split === split).length})`);
  return splits.length === 0
    ? [joined]
    : [joined, `The column “split” says what the rows of a file are for: ${told.join(', ')}.`];
}
