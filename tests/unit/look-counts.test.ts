/** Columns, labels, languages and duplicates of rows, against counts of all rows at once. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jaccard, shinglesOf, WORD_PAIRS } from '../../src/dataset/clean/shingles';
import { openDataset, type Dataset } from '../../src/dataset/dataset';
import { parseFile } from '../../src/dataset/parse';
import { Look } from '../../src/dataset/look';
import { languageGuess, languageName } from '../../src/dataset/look/language';
import { Numbers } from '../../src/dataset/look/tally';
import type { LookKind, LookTypes, Question, RowFilter } from '../../src/dataset/look/types';

/** The whole answer, in as many slices as there can be. */
async function answer<K extends LookKind>(dataset: Dataset, question: Question<K>): Promise<LookTypes[K]['answer'] | null> {
  let now = 0;
  const look = new Look(() => (now += 1000));
  for (;;) {
    const reply = await look.ask(dataset, question);
    expect(reply.read).toBeLessThanOrEqual(reply.of);
    if (reply.done) return reply.answer;
  }
}

const open = (text: string, name = 'rows.csv') => openDataset(name, new File([text], name));

async function matching(dataset: Dataset, ...filters: RowFilter[]): Promise<number[]> {
  const found = await answer(dataset, {
    kind: 'rows',
    source: 'cleaned',
    search: '',
    column: null,
    filters,
    columns: [0],
    from: 0,
    count: 1000,
  });
  return found?.rows?.map(({ index }) => index) ?? [];
}

describe('numbers', () => {
  it('have the quantiles of a sorted list, and bins that hold all', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 500 }), { minLength: 1 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (list, q) => {
          const numbers = new Numbers();
          for (const value of list) numbers.add(value);
          const sorted = [...list].sort((a, b) => a - b);
          expect(numbers.quantile(q)).toBe(sorted[Math.max(0, Math.ceil(q * list.length) - 1)]);
          const { width, counts } = numbers.histogram(10);
          expect(counts.length).toBeLessThanOrEqual(10);
          counts.forEach((count, bin) => expect(count).toBe(list.filter((value) => Math.floor(value / width) === bin).length));
        },
      ),
    );
  });
});

describe('a column', () => {
  it('has its missing and distinct values, lengths and top values', async () => {
    const values = Array.from({ length: 500 }, (_, i) => (i % 10 === 0 ? '' : i % 3 === 0 ? 'often' : `value ${i % 50}`));
    const dataset = await open(['text,label,extra', ...values.map((value, i) => `Some text ${i},${i % 2},${value}`)].join('\n'));
    const found = await answer(dataset, { kind: 'column', source: 'file', column: 2 });
    const filled = values.filter((value) => value !== '');
    const lengths = filled.map(({ length }) => length).sort((a, b) => a - b);
    expect(found).toMatchObject({ rows: 500, missing: 50, distinct: new Set(filled).size, more: false, numbers: null });
    expect(found?.lengths).toMatchObject({
      min: lengths[0],
      median: lengths[Math.ceil(lengths.length / 2) - 1],
      p95: lengths[Math.ceil(0.95 * lengths.length) - 1],
      max: lengths.at(-1),
    });
    expect(found?.top[0]).toEqual({ value: 'often', rows: filled.filter((value) => value === 'often').length, whole: true });
    expect(found?.top).toHaveLength(10);
  });

  it('of numbers has their range and mean', async () => {
    const numbers = Array.from({ length: 300 }, (_, i) => (i * 37) % 101);
    const dataset = await open(['text,score', ...numbers.map((value, i) => `Some text ${i},${value / 4}`)].join('\n'));
    const found = await answer(dataset, { kind: 'column', source: 'file', column: 1 });
    expect(found?.numbers?.min).toBe(0);
    expect(found?.numbers?.max).toBe(25);
    expect(found?.numbers?.mean).toBeCloseTo(numbers.reduce((a, b) => a + b, 0) / 4 / 300, 12);
  });
});

describe('labels', () => {
  it('are counted, with the rows that have none', async () => {
    const labels = Array.from({ length: 200 }, (_, i) => (i % 20 === 0 ? '' : i % 4 === 0 ? 'Refund' : 'Billing '));
    const dataset = await open(['text,label', ...labels.map((label, i) => `Some text ${i},${label}`)].join('\n'));
    const found = await answer(dataset, { kind: 'labels', source: 'file' });
    const refunds = labels.filter((label) => label === 'Refund').length;
    expect(found).toEqual({
      several: false,
      rows: 200,
      without: 10,
      labels: [
        { label: 'Billing', rows: 190 - refunds },
        { label: 'Refund', rows: refunds },
      ],
      distinct: 2,
      others: 0,
    });
    expect(await matching(dataset, { kind: 'label', label: 'Refund' })).toEqual(
      labels.flatMap((label, i) => (label === 'Refund' ? [i] : [])),
    );
    expect(await matching(dataset, { kind: 'label', label: '' })).toEqual(
      labels.flatMap((label, i) => (label === '' ? [i] : [])),
    );
  });

  it('are counted one by one where rows have several, in one column or in one each', async () => {
    const rows = Array.from({ length: 60 }, (_, i) => [i % 2, i % 3 === 0 ? 1 : 0] as const);
    const listed = rows.map(([a, b], i) => `Some text ${i},${[a ? 'red' : '', b ? 'blue' : ''].filter(Boolean).join(';')}`);
    const flags = rows.map(([a, b], i) => `Some text ${i},${a},${b}`);
    const inOne = await answer(await open(['text,label', ...listed].join('\n')), { kind: 'labels', source: 'file' });
    const inTwo = await answer(await open(['text,red,blue', ...flags].join('\n')), { kind: 'labels', source: 'file' });
    expect(inOne).toMatchObject({ several: true, rows: 60, without: 20, distinct: 2 });
    expect(inOne?.labels).toEqual([
      { label: 'red', rows: 30 },
      { label: 'blue', rows: 20 },
    ]);
    expect(inTwo).toEqual(inOne);
  });

  it('are none of texts that only answer', async () => {
    const texts = Array.from({ length: 30 }, (_, i) => `{"prompt": "Question ${i}?", "completion": "The answer is ${i * 7}."}`);
    expect(await answer(await open(texts.join('\n'), 'rows.jsonl'), { kind: 'labels', source: 'file' })).toBeNull();
  });
});

describe('duplicates', () => {
  it('are all rows with a twin, on disk too', async () => {
    const texts = ['one text', ' one text', 'another text', 'a third text', 'another text', 'a fourth text'];
    const text = ['text,label', ...texts.map((one, i) => `${one},${i === 3 ? 'x' : 'y'}`)].join('\n');
    const dataset = await open(text);
    expect(await matching(dataset, { kind: 'repeated' })).toEqual([0, 1, 2, 4]);
    const parsed = await parseFile('rows.csv', new File([text], 'rows.csv'), undefined, { part: 32, kept: 0 });
    expect(await matching({ ...dataset, parsed, table: parsed }, { kind: 'repeated' })).toEqual([0, 1, 2, 4]);
  });

  it('of nearly the same text are grouped, the largest group first', async () => {
    const filler = 'the parcel that I ordered has not come and nobody answers my calls about it since last week';
    const texts = Array.from({ length: 40 }, (_, i) =>
      i % 10 === 0
        ? `${filler} ${i}`
        : i % 15 === 1
          ? `the app on my new phone crashes whenever I open any of the settings of it ${i}`
          : `word${i} other${i} third${i}`,
    );
    const dataset = await open(['text,label', ...texts.map((one, i) => `${one},${i % 2 === 0 ? 'x' : 'y'}`)].join('\n'));
    const sets = texts.map((one) => shinglesOf(one, WORD_PAIRS));
    const first = sets.map((set) => sets.findIndex((other) => jaccard(set, other) >= 0.8));
    const groups = [...new Set(first)]
      .map((one) => [...first.keys()].filter((index) => first[index] === one))
      .filter(({ length }) => length > 1)
      .sort((x, y) => y.length - x.length);
    expect(groups.map(({ length }) => length)).toEqual([4, 3]);
    const found = await answer(dataset, { kind: 'near', source: 'file' });
    expect(found).toMatchObject({ compared: 40, groups: 2, rows: 7 });
    expect(found?.listed.map(({ rows, some }) => ({ rows, some: some.map(({ index }) => index) }))).toEqual(
      groups.map((group) => ({ rows: group.length, some: group })),
    );
    expect(found?.listed[0]?.some[0]?.cells[0]).toBe(texts[0]);
    expect(await matching(dataset, { kind: 'near' })).toEqual(groups.flat().sort((a, b) => a - b));
    expect(await matching(dataset, { kind: 'near' }, { kind: 'label', label: 'y' })).toEqual(
      groups.flat().filter((i) => i % 2 === 1).sort((a, b) => a - b), // prettier-ignore
    );
  });
});

const TEXTS = {
  eng: 'Where is my order, and why does nobody answer me? I wrote to you on Monday and have been waiting ever since for a word.',
  deu: 'Wo ist meine Bestellung, und warum antwortet mir niemand? Ich habe am Montag geschrieben und warte seitdem auf ein Wort.',
  fra: 'Où est ma commande et pourquoi personne ne me répond ? J’ai écrit lundi et depuis ce jour j’attends une réponse de vous.',
} as const;

describe('languages', () => {
  it('are guessed, and short texts are not', async () => {
    const guess = await languageGuess();
    for (const [code, text] of Object.entries(TEXTS)) expect(guess(text)).toBe(code);
    expect(guess('ok')).toBe('und');
    expect(languageName('deu')).toBe('German');
    expect(languageName('und')).toBe('too short to tell');
  });

  it('of short texts are among those of the long ones', async () => {
    // By itself, this is taken for another language.
    const short = 'App not working again, help';
    expect((await languageGuess())(short)).not.toBe('eng');
    const texts = [...Array.from({ length: 30 }, () => TEXTS.eng), ...Array.from({ length: 20 }, () => TEXTS.deu), short, 'ok'];
    const dataset = await open(['text,label', ...texts.map((text, i) => `"${text}",${i % 2 === 0 ? 'x' : 'y'}`)].join('\n'));
    const found = await answer(dataset, { kind: 'languages', source: 'file' });
    expect(found).toEqual({
      rows: 52,
      every: 1,
      languages: [
        { code: 'eng', name: 'English', rows: 31 },
        { code: 'deu', name: 'German', rows: 20 },
        { code: 'und', name: 'too short to tell', rows: 1 },
      ],
    });
    expect(await matching(dataset, { kind: 'language', code: 'deu' })).toEqual(Array.from({ length: 20 }, (_, i) => 30 + i));
  });

  it('of many rows are told from every so many', async () => {
    const texts = Array.from({ length: 5001 }, (_, i) => (i % 2 === 0 ? TEXTS.eng : TEXTS.deu));
    const dataset = await open(['text,label', ...texts.map((text, i) => `"${text}",${i % 2 === 0 ? 'x' : 'y'}`)].join('\n'));
    const found = await answer(dataset, { kind: 'languages', source: 'file' });
    expect(found).toMatchObject({ rows: 2501, every: 2, languages: [{ code: 'eng', rows: 2501 }] });
  });
});
