/** Rows that are searched and filtered, against a search of all rows at once: in memory, on disk, and after data steps. */

import { describe, expect, it } from 'vitest';
import { parseFile } from '../../src/dataset/parse';
import { Look } from '../../src/dataset/look';
import type { Dataset } from '../../src/dataset/dataset';
import { cleanDataset, openDataset } from '../../src/dataset/dataset';
import type { LookKind, Question, Reply, RowQuery } from '../../src/dataset/look/types';
import type { RowView } from '../../src/dataset/look/row-views';
import { applySteps } from '../../src/dataset/steps';
import { allRows, cellText } from '../../src/dataset/table';

const WORDS = ['refund', 'charged twice', 'Crash', 'login', 'ÜBERWEISUNG', ''];
const TEXTS = Array.from({ length: 9000 }, (_, i) => `${WORDS[i % 6] ?? ''} ${i % 7 === 0 ? 'x'.repeat(i % 50) : ''}`.trim());
const CSV = ['text,label,note', ...TEXTS.map((text, i) => `${text},${i % 3 === 0 ? 'Billing' : 'Other'},n${i}`)].join('\n');
const STEPS = [{ kind: 'trim' }, { kind: 'drop-duplicates' }] as const;
const ALL: RowQuery = { search: '', column: null, filters: [] };

const file = () => new File([CSV], 'rows.csv');
const inMemory = () => openDataset('rows.csv', file());

/** The same file, read in parts of 4 KB. */
async function onDisk(): Promise<Dataset> {
  const opened = await inMemory();
  const parsed = await parseFile('rows.csv', file(), undefined, { part: 4096, kept: 0 });
  return { ...opened, parsed, table: parsed };
}

async function onDiskAfterSteps(): Promise<Dataset> {
  const dataset = await onDisk();
  const { table } = await applySteps(dataset.parsed, dataset.mapping, STEPS, 0);
  return { ...dataset, table };
}

const KINDS = {
  'in memory': inMemory,
  'in memory, after steps': async () => cleanDataset(await inMemory(), { dataSteps: STEPS, seed: 0 }),
  'on disk': onDisk,
  'on disk, after steps': onDiskAfterSteps,
};

/** A clock that goes on by `step` milliseconds whenever it is read. */
function clock(step: number): () => number {
  let now = 0;
  return () => (now += step);
}

/** Asks until the answer is whole. */
async function whole<K extends LookKind>(look: Look, dataset: Dataset, question: Question<K>): Promise<Reply<K>> {
  for (let asked = 0; asked < 100_000; asked++) {
    const reply = await look.ask(dataset, question);
    expect(reply.read).toBeLessThanOrEqual(reply.of);
    if (reply.done) return reply;
  }
  throw new Error('there was no end');
}

async function expected({ table }: Dataset, wanted: (cells: readonly string[]) => boolean): Promise<RowView[]> {
  const rows = await allRows(table.rows);
  return rows
    .map(({ line, cells }, index) => ({ index, line, origin: line, cells: [0, 1, 2].map((column) => cellText(cells[column])) }))
    .filter(({ cells }) => wanted(cells));
}

const QUERIES: readonly { readonly query: RowQuery; readonly wanted: (cells: readonly string[]) => boolean }[] = [
  { query: ALL, wanted: () => true },
  { query: { ...ALL, search: 'CRASH' }, wanted: ([text]) => text?.includes('Crash') === true },
  { query: { ...ALL, search: 'überweisung', column: 0 }, wanted: ([text]) => text?.startsWith('ÜBER') === true },
  { query: { ...ALL, search: 'n89', column: 2 }, wanted: (cells) => cells[2]?.includes('n89') === true },
  // The note is not used: it is searched only when it is chosen.
  { query: { ...ALL, search: 'n89' }, wanted: () => false },
  { query: { ...ALL, filters: [{ kind: 'empty', column: 0 }] }, wanted: ([text]) => text === '' },
  { query: { ...ALL, filters: [{ kind: 'longer', column: 0, than: 40 }] }, wanted: ([text = '']) => text.length > 40 },
  {
    query: { search: 'login', column: null, filters: [{ kind: 'is', column: 1, value: 'Billing' }] },
    wanted: ([text, label]) => text?.includes('login') === true && label === 'Billing',
  },
];

describe.each(Object.entries(KINDS))('rows %s', (_, open) => {
  it('are those that a search of all rows finds, in windows of any kind', async () => {
    const dataset = await open();
    const look = new Look();
    for (const { query, wanted } of QUERIES) {
      const all = await expected(dataset, wanted);
      for (const from of [0, 100, 4090, all.length - 3, all.length + 5].filter((at) => at >= 0)) {
        const question = { kind: 'rows', source: 'cleaned', ...query, columns: [0, 1, 2], from, count: 100 } as const;
        const { answer } = await whole(look, dataset, question);
        expect(answer?.matches).toBe(all.length);
        expect(answer?.rows).toEqual(all.slice(from, from + 100));
      }
    }
  });

  it('are found in slices of time, and the first of them before the last row was read', async () => {
    const dataset = await open();
    // Every look at the clock ends a slice.
    const look = new Look(clock(1000));
    const all = await expected(dataset, ([text]) => text?.includes('refund') === true);
    const question = {
      kind: 'rows',
      source: 'cleaned',
      ...ALL,
      search: 'refund',
      columns: [0, 1, 2],
      from: 0,
      count: 5,
    } as const;
    const replies = [await look.ask(dataset, question), await look.ask(dataset, question)];
    const [first] = replies;
    expect(first?.read).toBeLessThan(first?.of ?? 0);
    expect(first?.done).toBe(false);
    expect(replies.some(({ answer }) => answer?.rows?.[0]?.line === all[0]?.line)).toBe(true);
    const { answer } = await whole(look, dataset, question);
    expect(answer).toEqual({ total: dataset.table.rows.count, matches: all.length, rows: all.slice(0, 5) });
    // Sparse rows far apart are collected over several slices.
    const sparse = { ...question, search: 'n1', column: 2, from: 10, count: 300 };
    const wanted = await expected(dataset, (cells) => cells[2]?.includes('n1') === true);
    expect((await whole(look, dataset, sparse)).answer?.rows).toEqual(wanted.slice(10, 310));
  });

  it('are shown in full, one by one', async () => {
    const dataset = await open();
    const all = await expected(dataset, () => true);
    const look = new Look(clock(30));
    for (const index of [0, all.length - 1, 17]) {
      expect((await whole(look, dataset, { kind: 'row', source: 'cleaned', index })).answer).toEqual(all[index]);
    }
    expect((await whole(look, dataset, { kind: 'row', source: 'cleaned', index: all.length })).answer).toBeNull();
  });
});

it('shows the rows of the file beside those that the steps leave', async () => {
  const dataset = await cleanDataset(await inMemory(), { dataSteps: STEPS, seed: 0 });
  const look = new Look();
  const question = { kind: 'rows', ...ALL, columns: [0], from: 0, count: 1 } as const;
  expect((await whole(look, dataset, { ...question, source: 'file' })).answer?.matches).toBe(9000);
  expect((await whole(look, dataset, { ...question, source: 'cleaned' })).answer?.matches).toBe(dataset.table.rows.count);
  expect(dataset.table.rows.count).toBeLessThan(9000);
});

it('cuts long cells, in a list sooner than in full', async () => {
  const dataset = await openDataset('long.csv', new File([`text,label\n${'ab '.repeat(20_000)},x\nshort,y`], 'long.csv'));
  const look = new Look();
  const { answer } = await whole(look, dataset, {
    kind: 'rows',
    source: 'file',
    ...ALL,
    columns: [0],
    from: 0,
    count: 2,
  });
  expect(answer?.rows?.[0]?.cells[0]).toHaveLength(160);
  expect(answer?.rows?.[0]?.cells[0]).toMatch(/…$/);
  const { answer: row } = await whole(look, dataset, { kind: 'row', source: 'file', index: 0 });
  expect(row?.cells[0]).toHaveLength(20_000);
});
