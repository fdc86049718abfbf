/** Datasets for tests: text as if it were dropped, and small files of each format (made by fixtures/make_fixtures.py). */

import { readFileSync } from 'node:fs';
import { eachExample, type Built } from '../../src/dataset/cells';
import { openDataset, type Dataset } from '../../src/dataset/dataset';
import { parseFile } from '../../src/dataset/parse';
import { allRows, type Row, type Table } from '../../src/dataset/table';
import type { Example, RowProblem } from '../../src/dataset/types';

/** Opens text as if it were dropped. */
export function openText(name: string, text: string): Promise<Dataset> {
  return openDataset(name, new Blob([text]));
}

/** A dataset with its rows, examples and problems in arrays. */
export type Unrolled = Omit<Dataset, 'examples' | 'problems'> & {
  readonly rows: readonly Row[];
  readonly examples: readonly Example[];
  readonly problems: readonly RowProblem[];
};

export async function unrolled(dataset: Dataset | Promise<Dataset>): Promise<Unrolled> {
  const { examples, problems, ...rest } = await dataset;
  return { ...rest, rows: await allRows(rest.table.rows), examples: (await gather(examples)).examples, problems: problems.first };
}

/** All that is built from rows. */
export async function gather<T extends object>(
  built: Built<T>,
): Promise<{ readonly examples: readonly T[]; readonly problems: readonly RowProblem[] }> {
  const examples: T[] = [];
  const problems = await eachExample(built, (example) => examples.push(example));
  return { examples, problems: problems.first };
}

/** A parsed file with its rows and problems in arrays. */
export type Parsed = Omit<Table, 'rows' | 'problems'> & {
  readonly rows: readonly Row[];
  readonly problems: readonly RowProblem[];
};

export async function parsed(name: string, content: string | Uint8Array<ArrayBuffer>): Promise<Parsed> {
  const table = await parseFile(name, new Blob([content]));
  return { ...table, rows: await allRows(table.rows), problems: table.problems.first };
}

export const readFixture = (name: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(readFileSync(new URL(`fixtures/datasets/${name}`, import.meta.url)));
