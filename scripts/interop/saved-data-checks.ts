/** The data as the page saves them, read by Python's libraries. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type * as datasetModule from '../../src/dataset/dataset';
import type * as saveModule from '../../src/dataset/save';
import { root } from '../serve';
import type { Check } from './check';
import { output, python } from './tools';

const TEXTS = [
  'plain',
  'a "quote", a comma; a bar|',
  'two\nlines\n\nand\ttabs',
  '=1+1',
  ' spaces ',
  '日本語 😀 ü',
  '"',
  'null',
  '007',
];

type Cells = Readonly<Record<string, unknown>>;

/** Rows with every kind of value, each with gaps. */
const ROWS: readonly Cells[] = TEXTS.map((text, i) => ({
  ...{ text, whole: i === 2 ? null : i, part: i / 4, flag: i % 2 === 0, list: [['a'], [], null, ['b', null]][i % 4] },
  mixed: [1, '1', null, [], { a: 1 }][i % 5],
  turns: [
    { role: 'user', content: text },
    { role: 'assistant', content: 'Yes.' },
  ],
}));

const TEXT_ROWS: readonly Cells[] = TEXTS.map((text, i) => ({ text, label: i % 2 === 0 ? 'even' : 'odd' }));

/** The types that are expected of pyarrow. Values of several types are JSON text. */
const TYPES: Cells = {
  ...{
    text: 'string',
    whole: 'int64',
    part: 'double',
    flag: 'bool',
    list: 'list<element: string>',
    mixed: 'extension<arrow.json>',
  },
  turns: 'list<element: struct<role: string, content: string>>',
};

interface Read {
  readonly parquet: readonly Cells[];
  readonly types: Cells;
  readonly jsonl: readonly Cells[];
  readonly csv: readonly Cells[];
}

const savedData: Check = {
  name: 'saved data in pandas and pyarrow',
  needs: 'pandas, pyarrow',
  async run(context) {
    const interpreter = await python('pandas', 'pyarrow');
    const { openDataset } = await context.load<typeof datasetModule>('src/dataset/dataset.ts');
    const { saveDataset } = await context.load<typeof saveModule>('src/dataset/save/index.ts');
    const folder = context.folder('saved-data');
    const save = async (name: string, kind: saveModule.SaveKind, rows: readonly Cells[]): Promise<void> => {
      const text = rows.map((row) => JSON.stringify(row)).join('\n');
      const { blob } = await saveDataset(await openDataset('a.jsonl', new Blob([text])), kind, null);
      writeFileSync(join(folder, name), new Uint8Array(await blob.arrayBuffer()));
    };
    await save('a.parquet', 'parquet', ROWS);
    await save('a.jsonl', 'jsonl', ROWS);
    await save('b.csv', 'csv', TEXT_ROWS);
    const script = join(root, 'scripts', 'interop', 'check_saved_data.py');
    const read = JSON.parse(await output(interpreter, [script, folder])) as Read;
    const asJson = (cell: unknown): unknown => (typeof cell === 'string' ? JSON.parse(cell) : cell);
    const parquet = read.parquet.map((row) => ({ ...row, mixed: asJson(row['mixed']) }));
    const wrong = [
      ...(isDeepStrictEqual(parquet, ROWS) ? [] : ['Parquet']),
      ...(isDeepStrictEqual(read.types, TYPES) ? [] : [`types ${JSON.stringify(read.types)}`]),
      ...(isDeepStrictEqual(read.jsonl, ROWS) ? [] : ['JSONL']),
      ...(isDeepStrictEqual(read.csv, TEXT_ROWS) ? [] : ['CSV']),
    ];
    if (wrong.length > 0) throw new Error(`other rows than were saved: ${wrong.join(', ')}`);
    return `${ROWS.length} rows of each of three files are the same`;
  },
};

export const SAVED_DATA_CHECKS: readonly Check[] = [savedData];
