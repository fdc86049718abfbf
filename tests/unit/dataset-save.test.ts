// The data as files, read back by the page's own reader. `npm run interop` reads them with pandas and pyarrow.
import { describe, expect, it } from 'vitest';
import { Preparation } from '../../src/batch/preparation';
import type { DatasetEncoding } from '../../src/batch/types';
import { openDataset, remapDataset } from '../../src/dataset/dataset';
import { saveDataset, type SaveKind } from '../../src/dataset/save';
import type { LabelShape } from '../../src/dataset/labelled';
import { allRows } from '../../src/dataset/table';
import { openText, unrolled } from './dataset-open';
import { filesOf } from './tokenizer-files';

const lines = (rows: readonly object[]) => rows.map((row) => JSON.stringify(row)).join('\n');

const TEXTS = [
  'plain',
  'a "quote", a comma; a bar|',
  'two\nlines\n\nand\ttabs',
  '=1+1',
  ' spaces ',
  '日本語 😀 ü',
  '-',
  '"',
  'null',
  '007',
  '1e5',
];

/** Rows of every kind of value, with gaps. The key `__proto__` is own only when it comes from JSON. */
const MIXED = TEXTS.map(
  (text, i) =>
    `{"text": ${JSON.stringify(text)}, "__proto__": "own ${i}", "whole": ${i}, "part": ${i / 4}, "mixed": ${['1', '"1"', 'null', '[]', '{"a": 1}'][i % 5] ?? ''}, ` +
    `"flag": ${i % 2 === 0}, "list": ${JSON.stringify([['a'], [], null, ['b', null]][i % 4])}, "turns": ${JSON.stringify([{ role: 'user', content: text }])}, "large": 1e300, "empty": null${i === 3 ? ', "late": "x"' : ''}}`,
).join('\n');

const cellsOf = async (text: Blob, name: string) => {
  const { parsed } = await openDataset(name, text);
  const rows = await allRows(parsed.rows);
  return { columns: parsed.columns, cells: rows.map(({ cells }) => parsed.columns.map((_, i) => cells[i] ?? null)) };
};

const saved = async (kind: SaveKind, dataset: Awaited<ReturnType<typeof openText>>) => saveDataset(dataset, kind, null);

describe('saved rows', () => {
  it.each(['jsonl', 'parquet'] as const)('as %s are the same when they are read again', async (kind) => {
    const dataset = await openText('mixed.jsonl', MIXED);
    const file = await saved(kind, dataset);
    expect(file.name).toBe(`mixed.${kind}`);
    const before = await cellsOf(new Blob([MIXED]), 'mixed.jsonl');
    expect(await cellsOf(file.blob, file.name)).toEqual(before);
    expect(before.columns).toContain('__proto__');
  });

  it('as CSV have the same texts', async () => {
    const source = lines(TEXTS.map((text, i) => ({ text, label: i % 2 === 0 ? 'even' : 'odd', more: TEXTS.at(-i) })));
    const file = await saved('csv', await openText('a.jsonl', source));
    expect(await cellsOf(file.blob, 'a.csv')).toEqual(await cellsOf(new Blob([source]), 'a.jsonl'));
    expect(await file.blob.text()).toContain('\n=1+1,odd,null\n');
  });

  it('are those after the data steps, and give the same examples without them', async () => {
    const text = 'text,label\n" Hi, you ",a\n"Hi, you",a\nBye now,b\nBye then,A\n';
    const dataset = await openDataset('a.csv', new Blob([text]), {
      dataSteps: [{ kind: 'trim' }, { kind: 'merge-labels' }, { kind: 'drop-duplicates' }],
      seed: 1,
    });
    const before = await unrolled(dataset);
    for (const kind of ['jsonl', 'csv', 'parquet'] as const) {
      const file = await saved(kind, dataset);
      expect(file.name).toBe(`a-cleaned.${kind}`);
      const after = await unrolled(openDataset(file.name, file.blob));
      const content = ({ examples }: typeof before) => examples.map((example) => ({ ...example, line: 0 }));
      expect(content(after)).toEqual(content(before));
    }
  });

  it('have no object whose values a step has masked', async () => {
    const source = lines([1, 2, 3].map((i) => ({ id: i, mail: { text: `From a${i}@b.org, hello`, to: 'x' }, label: 'a' })));
    const opened = await openDataset('m.jsonl', new Blob([source]));
    const mapping = {
      format: 'text' as const,
      roles: opened.parsed.columns.map((name) => (name === 'mail.text' ? 'text' : 'ignore')),
    };
    const masked = await remapDataset(
      { ...opened, cleaning: { dataSteps: [MASK], seed: 0 } },
      { ...mapping, roles: mapping.roles },
    );
    const file = await (await saved('jsonl', masked)).blob.text();
    expect(file).toContain('[EMAIL_1]');
    expect(file).not.toContain('@b.org');
    expect(file).toContain('"mail.to": "x"');
  });

  it('come in parts, which are told', async () => {
    const shares: number[] = [];
    const dataset = await openText('n.csv', `text,n\n${Array.from({ length: 12_000 }, (_, i) => `row ${i},${i}`).join('\n')}`);
    const file = await saveDataset(dataset, 'parquet', null, (share) => shares.push(share));
    const steps = [2048, 4096, 6144, 8192, 10_240, 12_000];
    expect(shares).toEqual([...steps, ...steps.map((rows) => rows + 12_000)].map((rows) => rows / 12_000 / 2));
    expect((await cellsOf(file.blob, file.name)).cells.at(-1)).toEqual(['row 11999', '11999']);
  });
});

const MASK = {
  kind: 'mask-personal',
  email: true,
  phone: true,
  card: true,
  iban: true,
  ip: true,
  id: true,
  credentials: true,
  name: false,
  placeholders: 'numbered',
} as const;

const TOKENS = { sequenceLength: 64, heldOutRatio: 0.2, seed: 42, lossOn: 'assistant' } as const;

/** The hash of the tokens of a file. */
async function hashOf(name: string, content: Blob | string, encoding: DatasetEncoding | null) {
  const preparation = new Preparation();
  await preparation.open(new File([content], name));
  await preparation.setTokenizer(filesOf('starter'));
  const { hash } = await preparation.encode({ ...TOKENS, ...(encoding && { encoding }) });
  return { hash, preparation };
}

const CHATS = lines([
  {
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'What time\nis it?' },
      { role: 'assistant', content: '', tool_calls: [{ id: 'a', function: { name: 'now', arguments: '{"zone": "UTC"}' } }] },
      { role: 'tool', content: '12:00', tool_call_id: 'a' },
      { role: 'assistant', content: 'Noon.' },
    ],
    tools: [{ type: 'function', function: { name: 'now', parameters: { type: 'object', properties: {} } } }],
  },
  {
    messages: [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Wrong.', weight: 0 },
      { role: 'user', content: 'Again' },
      { role: 'assistant', content: 'Right.' },
    ],
  },
  {
    messages: [
      { role: 'user', content: ' "x" ' },
      { role: 'assistant', content: ' 日本 ' },
    ],
  },
]);

const labelled = (labels: LabelShape) => ({ kind: 'labelled', labels }) as const;
const eight = (row: (i: number) => object) => lines(Array.from({ length: 8 }, (_, i) => row(i)));

const SOURCES: readonly (readonly [string, string, DatasetEncoding | null])[] = [
  ['conversations', CHATS, null],
  ['questions', eight((i) => ({ instruction: `Say ${i}`, input: i % 2 ? 'now' : '', output: `It is ${i}.` })), null],
  ['texts', eight((i) => ({ text: `A story about ${i}.\nThe end.` })), null],
  ['pairs', eight((i) => ({ prompt: `Say ${i}`, chosen: `${i}`, rejected: `No ${i}` })), { kind: 'pair' }],
  ['rated answers', eight((i) => ({ prompt: `Say ${i}`, completion: `It is ${i}.`, label: i % 3 > 0 })), { kind: 'rated' }],
  ['classes', eight((i) => ({ text: `Text ${i}`, label: i % 2 ? 'odd' : 'even' })), labelled('one')],
  [
    'text pairs',
    eight((i) => ({ sentence1: `One ${i}`, sentence2: 'Two is it', label: i % 2 ? 'odd' : 'even' })),
    labelled('one'),
  ],
  ['labels', eight((i) => ({ text: `Text ${i}`, label: i % 2 ? ['odd', 'n, m'] : ['even'] })), labelled('several')],
  ['numbers', eight((i) => ({ text: `Text ${i}`, score: i / 4 })), labelled('numbers')],
];

describe('saved examples', () => {
  it.each(SOURCES)('that are %s give the same tokens', async (_, content, encoding) => {
    const { hash, preparation } = await hashOf('source.jsonl', content, encoding);
    const file = await preparation.save('examples', encoding);
    expect(file.name).toBe('source-examples.jsonl');
    expect((await hashOf(file.name, file.blob, encoding)).hash).toBe(hash);
  });
});
