// Splits of files: by columns of rows, with all that is made of one row in one part, and texts that stand in two parts.
import { describe, expect, it } from 'vitest';
import { Preparation } from '../../src/batch/preparation';
import type { EncodedSplit } from '../../src/batch/types';
import { CodedError } from '../../src/core/errors';
import { openDataset, viewDataset } from '../../src/dataset/dataset';
import { withOrigins } from '../../src/dataset/origins';
import { originOf } from '../../src/dataset/row-origin';
import type { Row } from '../../src/dataset/table';
import { filesOf, tokenizerOf } from './tokenizer-files';

const SETTINGS = { sequenceLength: 64, heldOutRatio: 0.2, testRatio: 0.2, seed: 42, lossOn: 'assistant' } as const;

async function preparationOf(name: string, content: string): Promise<Preparation> {
  const preparation = new Preparation();
  await preparation.open(new File([content], name));
  await preparation.setTokenizer(filesOf('starter'));
  return preparation;
}

const textsIn = (split: EncodedSplit | undefined): string[] =>
  [...(split?.lines ?? [])].map((_, i) =>
    tokenizerOf('starter').decode([...(split?.ids.slice(split.offsets[i], split.offsets[i + 1]) ?? [])]),
  );

const sizes = (parts: object | undefined) =>
  parts && Object.fromEntries(Object.entries(parts).filter(([, value]) => typeof value === 'number'));

const LONG = { ...SETTINGS, sequenceLength: 512 } as const;

const random = { kind: 'random', leaks: 'report' } as const;

describe('rows', () => {
  const texts = Array.from({ length: 20 }, (_, i) => ({ text: `Story number ${i} ends well.` }));

  it('of a JSON list on one line are split one by one', async () => {
    const { train, heldOut, test, stats } = await (await preparationOf('a.json', JSON.stringify(texts))).encode(SETTINGS);
    expect([train, heldOut, test].map((split) => split?.lines.length)).toEqual([12, 4, 4]);
    expect(new Set([...train.lines, ...heldOut.lines])).toEqual(new Set([1]));
    expect([...textsIn(train), ...textsIn(heldOut), ...textsIn(test)].sort()).toEqual(texts.map(({ text }) => text).sort());
    expect(sizes(stats.parts)).toEqual({ train: 12, heldOut: 4, test: 4, removed: 0 });
  });

  it('are split alike in a list of one line and of many', async () => {
    const of = async (indent?: number) => {
      const { train, heldOut, test } = await (
        await preparationOf('a.json', JSON.stringify(texts, null, indent))
      ).encode(SETTINGS);
      return [train, heldOut, test].map(textsIn);
    };
    expect(await of()).toEqual(await of(2));
  });

  it('that are read again and again have the same numbers', async () => {
    const rows: Row[] = Array.from({ length: 5 }, (_, i) => ({ line: 1, cells: [i] }));
    const read = async function* () {
      await Promise.resolve();
      yield rows.slice(0, 3);
      yield rows.slice(3);
    };
    const table = await withOrigins({ rows: { count: 5, inMemory: false, read } });
    for (let time = 0; time < 2; time++) {
      const origins: number[] = [];
      for await (const chunk of table.rows.read()) origins.push(...chunk.map(originOf));
      expect(origins).toEqual([0, 1, 2, 3, 4]);
    }
  });

  it('that a step makes of one row are in one part', async () => {
    const sentence = (row: number, i: number) => `This is sentence ${i} of row ${row}, which is long enough to be cut off there.`;
    const rows = Array.from({ length: 12 }, (_, row) => ({
      text: Array.from({ length: 5 }, (_, i) => sentence(row, i)).join(' '),
    }));
    const preparation = await preparationOf('a.json', JSON.stringify(rows));
    const dataSteps = [{ kind: 'cut-long', most: 150, overlap: 0 }] as const;
    const { train, heldOut, test } = await preparation.encode({ ...SETTINGS, dataSteps });
    const rowsOf = (split: EncodedSplit | undefined) => new Set(textsIn(split).map((text) => /of row (\d+)/.exec(text)?.[1]));
    const [a, b, c] = [train, heldOut, test].map(rowsOf);
    expect([a?.size, b?.size, c?.size]).toEqual([8, 2, 2]);
    expect(new Set([...(a ?? []), ...(b ?? []), ...(c ?? [])]).size).toBe(12);
    expect(train.lines.length).toBeGreaterThanOrEqual(24);
  });
});

describe('a split by a column of the rows', () => {
  const rows = Array.from(
    { length: 40 },
    (_, i) => `question ${i},answer ${i},user ${i % 8},2024-03-${String(40 - i).padStart(2, '0')}`,
  );
  const csv = `question,answer,user,day\n${rows.join('\n').replaceAll(/2024-03-(3[2-9]|40)/g, (_, day) => `2024-04-${String(Number(day) - 31).padStart(2, '0')}`)}`;

  it('keeps groups together', async () => {
    const split = { kind: 'group', column: 'user', leaks: 'report' } as const;
    const { train, heldOut, test } = await (await preparationOf('a.csv', csv)).encode({ ...SETTINGS, split });
    // A group has 5 rows, and a part should have 8; line 2 is of user 0.
    const users = (part: EncodedSplit | undefined) => new Set([...(part?.lines ?? [])].map((line) => (line - 2) % 8));
    expect([train, heldOut, test].map((part) => part?.lines.length)).toEqual([20, 10, 10]);
    expect([users(train).size, users(heldOut).size, users(test).size]).toEqual([4, 2, 2]);
  });

  it('holds out the newest rows', async () => {
    const split = { kind: 'time', column: 'day', leaks: 'report' } as const;
    const { heldOut, test } = await (await preparationOf('a.csv', csv)).encode({ ...SETTINGS, split });
    expect([...(test?.lines ?? [])]).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
    expect([...heldOut.lines]).toEqual([10, 11, 12, 13, 14, 15, 16, 17]);
  });

  it('reads the columns after the data steps, and follows another column', async () => {
    const preparation = await preparationOf('a.csv', csv);
    const of = async (column: string) => {
      const { test } = await preparation.encode({ ...SETTINGS, split: { kind: 'group', column, leaks: 'report' } });
      return [...(test?.lines ?? [])];
    };
    expect(await of('user')).not.toEqual(await of('day'));
  });

  it('says which columns there are when the one of the recipe is missing', async () => {
    const preparation = await preparationOf('a.csv', csv);
    const failed = preparation.measure({ ...SETTINGS, split: { kind: 'group', column: 'customer', leaks: 'report' } });
    await expect(failed).rejects.toThrow(CodedError);
    await expect(failed).rejects.toThrow(
      'The data have no column “customer”, which is to be used to keep rows together. Data, Split: choose one of “question”, “answer”, “user”, “day”, or another way to split.',
    );
  });

  it('takes the lists of a JSON file as they are named', async () => {
    const list = (name: string, count: number) => Array.from({ length: count }, (_, i) => ({ text: `${name} ${i} says so.` }));
    const lists = { train: list('train', 12), validation: list('validation', 3), test: list('test', 5) };
    const preparation = await preparationOf('a.json', JSON.stringify(lists));
    const split = { kind: 'column', column: 'split', leaks: 'report' } as const;
    const { train, heldOut, test } = await preparation.encode({ ...SETTINGS, split });
    for (const [part, name, count] of [
      [train, 'train', 12],
      [heldOut, 'validation', 3],
      [test, 'test', 5],
    ] as const)
      expect(textsIn(part)).toEqual(list(name, count).map(({ text }) => text));
  });
});

describe('labels', () => {
  const topics = ['billing', 'shipping', 'account'] as const;
  const rows = Array.from({ length: 60 }, (_, i) => `text about matter ${i},${i % 30 === 7 ? 'angry' : topics[i % 3]}`);
  const csv = `text,label\n${rows.join('\n')}`;
  const encoding = { kind: 'labelled', labels: 'one' } as const;

  it('are counted by part', async () => {
    const { train, heldOut, test, stats } = await (await preparationOf('a.csv', csv)).encode({ ...SETTINGS, encoding });
    const count = (split: EncodedSplit | undefined, label: string) =>
      [...(split?.lines ?? [])].filter((line) => rows[line - 2]?.endsWith(`,${label}`)).length;
    expect(stats.parts?.labels).toEqual(
      ['account', 'angry', 'billing', 'shipping'].map((name) => ({
        ...{ name, train: count(train, name), heldOut: count(heldOut, name), test: count(test, name) },
      })),
    );
  });

  it('are in every part of a balanced split that has enough of them', async () => {
    const preparation = await preparationOf('a.csv', csv);
    const split = { kind: 'stratified', column: '', leaks: 'report' } as const;
    const { parts } = await preparation.measure({ ...SETTINGS, testRatio: 0, encoding, split });
    expect(parts?.labels?.find(({ name }) => name === 'angry')).toEqual({ name: 'angry', train: 1, heldOut: 1, test: 0 });
    const numbers = `text,score\n${rows.map((row, i) => row.replace(/,.*/, `,${i / 7}`)).join('\n')}`;
    const other = await preparationOf('b.csv', numbers);
    await other.remap({ format: 'text-label', roles: ['text', 'label'] });
    const failed = other.measure({ ...SETTINGS, encoding: { kind: 'labelled', labels: 'numbers' }, split });
    await expect(failed).rejects.toThrow('The labels are numbers, which have no shares');
  });
});

describe('texts in two parts', () => {
  const words = 'alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon'.split(
    ' ',
  );
  /** Texts of 18 words in an order of their own. */
  const text = (i: number) =>
    Array.from({ length: 18 }, (_, k) => `${words[(i * 7 + k * (1 + (i % 9))) % 20]}${(i * 31 + k) % 97}`).join(' ');
  const rows = Array.from({ length: 60 }, (_, i) => {
    if (i >= 50)
      return {
        prompt: text(i - 50)
          .toUpperCase()
          .concat('  !'),
        completion: `other ${i}`,
      };
    if (i >= 40) return { prompt: `${text(i - 30)} indeed`, completion: `other ${i}` };
    return { prompt: text(i), completion: `answer ${i}` };
  });
  const jsonl = rows.map((row) => JSON.stringify(row)).join('\n');

  /** Written down again: pairs of words, Jaccard's index, every pair of rows compared. */
  function byHand(parts: readonly (readonly number[])[]) {
    const normal = (i: number) => (rows[i]?.prompt ?? '').toLowerCase().replace(/[\s!]+$/, '');
    const pairs = (i: number) => {
      const all = normal(i).match(/[a-z0-9]+/g) ?? [];
      return new Set(all.slice(1).map((word, k) => `${all[k] ?? ''} ${word}`));
    };
    const alike = (i: number, j: number) => {
      const [a, b] = [pairs(i), pairs(j)];
      return [...a].filter((one) => b.has(one)).length / new Set([...a, ...b]).size >= 0.8;
    };
    const [train = [], ...others] = parts;
    const counts = others.map((part) => {
      const exact = part.filter((i) => train.some((j) => normal(i) === normal(j)));
      const near = part.filter((i) => !exact.includes(i) && train.some((j) => alike(i, j)));
      return { rows: part.length, exact: exact.length, near: near.length };
    });
    const measured = others.flat();
    return { counts, training: train.filter((j) => measured.some((i) => normal(i) === normal(j) || alike(i, j))) };
  }

  const rowsIn = (split: EncodedSplit | undefined) => [...(split?.lines ?? [])].map((line) => line - 1);

  it('are those that a comparison of every pair finds', async () => {
    const preparation = await preparationOf('a.jsonl', jsonl);
    let all = 0;
    for (let seed = 0; seed < 5; seed++) {
      const settings = { ...LONG, seed };
      const { train, heldOut, test } = await preparation.encode(settings);
      const { counts, training } = byHand([train, heldOut, test].map(rowsIn));
      const leaks = await preparation.leaks(settings);
      expect([leaks?.heldOut, leaks?.test]).toEqual(counts);
      expect(leaks?.training).toBe(training.length);
      all += training.length;
      for (const { line, trainLine, text: shown } of leaks?.listed ?? []) {
        expect(shown).toBe(rows[line - 1]?.prompt.trim());
        expect(training).toContain(trainLine - 1);
      }
    }
    expect(all).toBeGreaterThan(20);
  });

  it('are left out of training when the recipe says so, and nothing else is', async () => {
    const preparation = await preparationOf('a.jsonl', jsonl);
    const before = await preparation.encode(LONG);
    const settings = { ...LONG, split: { ...random, leaks: 'remove' } } as const;
    const after = await preparation.encode(settings);
    const { training } = byHand([before.train, before.heldOut, before.test].map(rowsIn));
    expect(training.length).toBeGreaterThan(0);
    expect(rowsIn(after.train)).toEqual(rowsIn(before.train).filter((row) => !training.includes(row)));
    expect([after.heldOut, after.test]).toEqual([before.heldOut, before.test]);
    expect(after.stats.parts).toMatchObject({ train: after.train.lines.length, removed: training.length });
    expect(await preparation.measure(settings)).toEqual(after.stats);
    expect(byHand([after.train, after.heldOut, after.test].map(rowsIn)).training).toEqual([]);
  });

  it('may be all that there is, which is refused', async () => {
    const preparation = await preparationOf('a.jsonl', Array<string>(10).fill(JSON.stringify(rows[0])).join('\n'));
    const failed = preparation.encode({ ...LONG, split: { ...random, leaks: 'remove' } });
    await expect(failed).rejects.toThrow('The text of every example for training (6) also stands in a row that measures');
  });

  it('are questions: answers, system prompts and labels are not compared', async () => {
    const system = 'You are a helpful assistant who always answers in the same polite way, whatever the question may be.';
    const chats = Array.from({ length: 30 }, (_, i) => ({
      messages: [
        { role: 'system', content: system },
        { role: 'user', content: text(i) },
        { role: 'assistant', content: 'The same answer, which is long enough to count as a text by itself here.' },
      ],
    }));
    const preparation = await preparationOf('a.jsonl', chats.map((chat) => JSON.stringify(chat)).join('\n'));
    expect(await preparation.leaks(LONG)).toMatchObject({
      heldOut: { rows: 6, exact: 0, near: 0 },
      training: 0,
    });
  });
});

describe('the test part', () => {
  const jsonl = Array.from({ length: 30 }, (_, i) => JSON.stringify({ prompt: `question ${i}`, completion: `answer ${i}` })).join(
    '\n',
  );

  it('is absent without a share, and the hash is then that of training and validation alone', async () => {
    const preparation = await preparationOf('a.jsonl', jsonl);
    const plain = await preparation.encode({ ...SETTINGS, testRatio: 0 });
    expect(plain).not.toHaveProperty('test');
    const { testRatio: _, ...older } = SETTINGS;
    expect((await preparation.encode(older)).hash).toBe(plain.hash);
    const tested = await preparation.encode(SETTINGS);
    expect(tested.hash).not.toBe(plain.hash);
    expect(tested.test?.lines.length).toBe(6);
  });
});

describe('what the page offers for a file', () => {
  const hintsOf = async (csv: string) => (await viewDataset(await openDataset('a.csv', new Blob([csv])))).split;

  it('follows from its columns', async () => {
    const row = (i: number) =>
      [
        `t${i}`,
        `customer ${i % 9}`,
        `2024-01-${10 + (i % 20)}`,
        `a text about matter ${i}`,
        i % 2 === 0 ? 'ham' : 'spam',
        i % 3 === 0 ? 'dev' : 'train',
        1600000000 + i,
      ].join(',');
    const csv = `ticket,customer,day,message,label,set,created_at\n${Array.from({ length: 40 }, (_, i) => row(i)).join('\n')}`;
    expect(await hintsOf(csv)).toEqual({
      labels: true,
      parts: 'set',
      times: ['day', 'created_at'],
      groups: ['customer'],
      strata: ['customer'],
    });
  });

  it('is a random split only where there is nothing to go by', async () => {
    const csv = `text\n${Array.from({ length: 20 }, (_, i) => `a text about matter ${i}`).join('\n')}`;
    expect(await hintsOf(csv)).toEqual({ labels: false, parts: null, times: [], groups: [], strata: [] });
  });
});
