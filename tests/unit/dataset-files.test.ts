// Several files as one table: against pandas' concat of files that pandas wrote (fixtures/make_files.py), and by what file names say.
import { describe, expect, it } from 'vitest';
import { lineWords, placeOf } from '../../src/core/places';
import { CodedError } from '../../src/core/errors';
import { openFiles, viewDataset } from '../../src/dataset/dataset';
import { splitOfPath } from '../../src/dataset/file-names';
import { parseFile } from '../../src/dataset/parse';
import { parseFiles, type ParsedFiles } from '../../src/dataset/several';
import { allRows, cellText } from '../../src/dataset/table';
import type { DataFile } from '../../src/dataset/types';
import { readFixture } from './dataset-open';

const file = (path: string, content: string | Uint8Array<ArrayBuffer>, split?: DataFile['split']): DataFile => ({
  ...{ path, file: new Blob([content]) },
  ...(split && { split }),
});
const recordsOf = async ({ columns, rows }: ParsedFiles) =>
  (await allRows(rows)).map(({ cells }) => Object.fromEntries(columns.map((name, i) => [name, cells[i] ?? null])));
const FIXTURES = ['train-1.csv', 'train-2.xlsx', 'train-10.tsv.gz', 'dev.jsonl', 'test.parquet'];
const fixtures = () => FIXTURES.map((name) => file(name, readFixture(`several/${name}`)));

describe('files of five kinds', () => {
  it('become the table that pandas makes of them, by the names of the columns', async () => {
    const expected: unknown = JSON.parse(new TextDecoder().decode(readFixture('joined.json')));
    const table = await parseFiles(fixtures());
    expect(await recordsOf(table)).toEqual(expected);
    expect([table.name, table.unread]).toEqual(['5 files', []]);
    expect(table.notes).toContain('test.parquet has no column “author”: empty in its rows.');
  });

  it('have lines that differ, from which file and line are told', async () => {
    const { rows, files } = await parseFiles(fixtures());
    const lines = (await allRows(rows)).map(({ line }) => line);
    expect(new Set(lines).size).toBe(25);
    expect(lines).toEqual([...lines].sort((a, b) => a - b));
    // The second row of train-1.csv: after the header and a text of two lines.
    expect(placeOf(files, lines[10] ?? 0)).toEqual({ file: 'train-1.csv', line: 4 });
    expect(lineWords(files, lines[0] ?? 0)).toBe('line 1 of dev.jsonl');
  });

  it('have the statistics of their columns together', async () => {
    const table = await parseFiles(fixtures());
    const rows = await recordsOf(table);
    for (const { name, filled, distinct, maxLength } of table.stats) {
      const texts = rows.map((row) => cellText(row[name])).filter((text) => text !== '');
      expect([name, filled, distinct]).toEqual([name, texts.length, new Set(texts).size]);
      expect(maxLength).toBe(Math.max(...texts.map((text) => text.length)));
    }
  });

  it('are the same whatever their order, and when their rows are read from the files again', async () => {
    const first = await parseFiles(fixtures());
    const second = await parseFiles(fixtures().reverse(), undefined, { part: 64, kept: 0 });
    expect(second.hash).toBe(first.hash);
    expect(second.rows.inMemory).toBe(false);
    expect(await recordsOf(second)).toEqual(await recordsOf(first));
  });

  it('have another hash when a name or a content differs', async () => {
    const [one, two] = [file('a.csv', 'text\nOne word\nTwo\n'), file('b.csv', 'text\nThree\nFour\n')];
    const { hash } = await parseFiles([one, two]);
    expect((await parseFiles([one, { ...two, path: 'c.csv' }])).hash).not.toBe(hash);
    expect((await parseFiles([one, file('b.csv', 'text\nThree\nFive\n')])).hash).not.toBe(hash);
  });
});

it('reads a single file as before: its hash, its lines, its columns', async () => {
  const bytes = readFixture('several/train-1.csv');
  const [alone, listed] = [await parseFile('train-1.csv', new Blob([bytes])), await parseFiles([file('x/train-1.csv', bytes)])];
  expect([listed.hash, listed.columns, listed.notes, listed.name]).toEqual([
    ...[alone.hash, alone.columns, alone.notes],
    'train-1.csv',
  ]);
  expect(await allRows(listed.rows)).toEqual(await allRows(alone.rows));
  expect(listed.files).toBeUndefined();
});

describe('the split of a file', () => {
  it.each([
    ['train.csv', 'train'],
    ['data/test-00000-of-00001.parquet', 'test'],
    ['squad/dev/1.json', 'validation'],
    ['my_Validation_set.jsonl', 'validation'],
    ['train/test.csv', 'test'],
    ['testimonials.csv', null],
    ['train_test.csv', null],
    ['a/b.csv', null],
  ])('is told by %s: %s', (path, split) => {
    expect(splitOfPath(path)).toBe(split);
  });

  it('is that of training where other files name one', async () => {
    const table = await parseFiles([
      file('tickets.csv', 'text\nFirst one\nSecond\n'),
      file('test.csv', 'text\nThird one\nFourth\n'),
    ]);
    expect((await recordsOf(table)).map(({ text, split }) => [text, split])).toEqual([
      ...[
        ['Third one', 'test'],
        ['Fourth', 'test'],
      ],
      ...[
        ['First one', 'train'],
        ['Second', 'train'],
      ],
    ]);
  });

  it('is what the user says, also where the rows say another', async () => {
    const table = await parseFiles([
      file('a.csv', 'text,split\nFirst one,validation\nSecond,\n'),
      file('b.csv', 'text,split\nThird one,train\n', 'test'),
    ]);
    expect((await recordsOf(table)).map(({ split }) => split)).toEqual(['validation', 'train', 'test']);
    expect(table.columns).toEqual(['text', 'split', 'file']);
  });

  it('is no column where all files have the same', async () => {
    const table = await parseFiles([file('train-1.csv', 'text\nFirst\n'), file('train-2.csv', 'text\nSecond\n')]);
    expect(table.columns).toEqual(['text', 'file']);
  });
});

describe('a folder for each label', () => {
  const texts = [
    ...['train/Billing/1.txt', 'train/Billing/2.txt', 'train/Refund/1.txt', 'train/Refund/2.txt', 'test/Refund/3.txt'],
    'test/Billing/3.txt',
  ].map((path) => file(`mail/${path}`, `Text of ${path}.\n\nSecond paragraph.\n`));

  it('gives a row for each file, with the folder as label and the split', async () => {
    const dataset = await openFiles([...texts, file('mail/README.md', 'About.'), file('mail/.DS_Store', 'x')]);
    const view = await viewDataset(dataset);
    expect([view.name, view.format, view.task.task, view.examples]).toEqual(['mail', 'text-label', 'categories', 6]);
    const rows = await allRows(dataset.parsed.rows);
    expect(dataset.parsed.columns).toEqual(['text', 'label', 'file', 'split']);
    expect(rows[0]?.cells).toEqual([
      ...['Text of test/Billing/3.txt.\n\nSecond paragraph.', 'Billing', 'mail/test/Billing/3.txt', 'test'],
    ]);
    expect(placeOf(dataset.parsed.files, rows[3]?.line ?? 0)).toEqual({ file: 'mail/train/Billing/2.txt', line: 1 });
    expect(view.unread).toEqual([
      { name: 'mail/.DS_Store', reason: 'It is a hidden file.' },
      { name: 'mail/README.md', reason: 'It tells about the data.' },
    ]);
  });

  it('leaves out an empty text with its reason', async () => {
    const table = await parseFiles([...texts, file('mail/train/Refund/4.txt', '')]);
    expect(table.rows.count).toBe(6);
    expect(table.unread).toEqual([{ name: 'mail/train/Refund/4.txt', reason: expect.stringMatching(/empty/) as string }]);
  });

  it('is not seen in the chapters of a manual, whose paragraphs are the rows', async () => {
    const pages = ['guide/a.md', 'guide/b.md', 'api/c.md', 'api/d.md'].map((path) => file(path, `First ${path}.\n\nSecond.\n`));
    const table = await parseFiles(pages);
    expect([table.columns, table.rows.count]).toEqual([['text', 'file'], 8]);
  });
});

describe('files that do not fit', () => {
  it('are left out with their reason while others can be read', async () => {
    const table = await parseFiles([
      file('a.csv', 'question,answer\nWhy?,Because.\nHow?,So.\n'),
      file('b.jsonl', '{"question": "Who?", "answer": "She."}\n'),
      file('photo.csv', new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0, 1, 2, 3])),
      file('prices.csv', 'item,price\nBread,2\n'),
      file('same.csv', 'question,answer\nWhy?,Because.\nHow?,So.\n'),
      { ...file('secret.csv', ''), refused: 'The browser may not read it.' },
    ]);
    expect([table.rows.count, table.name, table.files?.map(({ name }) => name)]).toEqual([3, '2 files', ['a.csv', 'b.jsonl']]);
    expect(new Map(table.unread.map(({ name, reason }) => [name, reason]))).toEqual(
      new Map<string, unknown>([
        ['secret.csv', 'The browser may not read it.'],
        ['photo.csv', expect.stringMatching(/PNG image/)],
        ['prices.csv', 'It has other columns (item, price) than a.csv (question, answer).'],
        ['same.csv', 'It has the same content as a.csv.'],
      ]),
    );
  });

  it('leave the file that remains as if it had come alone', async () => {
    const text = 'question,answer\nWhy?,Because.\n';
    const [alone, left] = [
      await parseFile('a.csv', new Blob([text])),
      await parseFiles([file('a.csv', text), file('b.csv', '')]),
    ];
    expect([left.hash, left.columns, left.name]).toEqual([alone.hash, alone.columns, 'a.csv']);
    expect(left.unread.map(({ name }) => name)).toEqual(['b.csv']);
  });

  it('are an error when none can be read, which names each', async () => {
    const error: unknown = await parseFiles([file('a.csv', ''), file('b.csv', '  ')]).catch((one: unknown) => one);
    expect(error).toBeInstanceOf(CodedError);
    expect(error).toMatchObject({ code: 'data/parse', problems: [{ where: 'a.csv' }, { where: 'b.csv' }] });
  });

  it('take the column names of the others where they have none', async () => {
    const parts = [
      file('part-1.csv', 'id,text\n1,First one.\n2,Second one.\n'),
      file('part-2.csv', '3,Third one.\n4,Fourth one.\n'),
    ];
    const table = await parseFiles(parts);
    expect((await recordsOf(table)).map(({ id, text }) => [id, text]).slice(2)).toEqual([
      ...[
        ['3', 'Third one.'],
        ['4', 'Fourth one.'],
      ],
    ]);
  });
});

it('names the file of a row that is left out, and of the row that another repeats', async () => {
  const dataset = await openFiles(
    [file('a.csv', 'question,answer\nWhy?,Because.\nHow?,\n'), file('b.csv', 'question,answer\nWhy?,Because.\n')],
    { dataSteps: [{ kind: 'drop-duplicates' }], seed: 0 },
  );
  const view = await viewDataset(dataset);
  expect(view.steps[0]?.problems.map(({ message }) => message)).toEqual(['Repeats line 2 of a.csv.']);
  expect(view.problems.map(({ line }) => lineWords(view.files, line))).toEqual(['line 3 of a.csv']);
});

it('tells the place of any line among many files', () => {
  const files = Array.from({ length: 1000 }, (_, i) => ({ name: `${i}`, linesBefore: 3 * i }));
  for (let line = 1; line <= 3000; line++)
    expect(placeOf(files, line)).toEqual({ file: `${Math.floor((line - 1) / 3)}`, line: ((line - 1) % 3) + 1 });
});
