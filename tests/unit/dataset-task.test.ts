// What a dataset looks like: the task that is guessed from its values, for the samples, the fixtures, published files and small tables.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openDataset, remapDataset, viewDataset } from '../../src/dataset/dataset';
import { labelledExamples } from '../../src/dataset/labelled';
import { guessTask } from '../../src/dataset/task';
import type { DataTask } from '../../src/dataset/types';
import { needShared, readShared } from '../shared';
import { gather, openText, readFixture } from './dataset-open';

const sample = (name: string) => new Uint8Array(readFileSync(new URL(`../../public/samples/${name}`, import.meta.url)));

async function guess(name: string, bytes: Uint8Array<ArrayBuffer>) {
  const { table, mapping } = await openDataset(name, new Blob([bytes]));
  return guessTask(table, mapping);
}

describe('files', () => {
  it.each<[string, DataTask]>([
    ['support-tickets.csv', 'categories'],
    ['lighthouse-keeper.jsonl', 'text'],
    ['short-answers.jsonl', 'preference'],
    ['repair-requests.csv', 'number'],
    ['garden-diary.txt', 'text'],
  ])('the sample %s: %s', async (name, task) => {
    expect((await guess(name, sample(name))).task).toBe(task);
  });

  it.each<[string, DataTask]>([
    ['tickets.tsv', 'categories'],
    ['texts.jsonl', 'text'],
    ['chats.jsonl', 'text'],
    ['alpaca.json', 'categories'],
    ['tool-calls.json', 'text'],
    ['preferences.json', 'preference'],
  ])('the fixture %s: %s', async (name, task) => {
    expect((await guess(name, readFixture(name))).task).toBe(task);
  });

  it.for<[string, DataTask]>([
    ['sms_spam.tsv', 'categories'],
    ['alpaca_en_demo.json', 'text'],
    ['dpo_en_demo.json', 'preference'],
    ['glaive_toolcall_en_demo.json', 'text'],
    ['sgd_dev_400.jsonl', 'text'],
    ['wikisql_train.jsonl', 'text'],
    ['wikisql_valid.jsonl', 'text'],
    ['wikisql_test.jsonl', 'text'],
  ])('the published %s: %s', async ([name, task], context) => {
    needShared(context, `data/datasets/${name}`);
    expect((await guess(name, readShared(`data/datasets/${name}`))).task).toBe(task);
  });

  it('say why', async () => {
    expect((await guess('support-tickets.csv', sample('support-tickets.csv'))).reason).toBe(
      '"label" has 6 different values that repeat: "account", "billing", "delivery", "plant care" and 2 more.',
    );
    expect((await guess('preferences.json', readFixture('preferences.json'))).reason).toBe(
      '"chosen" and "rejected" are two answers, the first of which is preferred.',
    );
  });
});

/** Forty rows of different sentences, with further columns by row number. */
async function rows(of: (i: number) => Readonly<Record<string, unknown>>) {
  const texts = Array.from({ length: 40 }, (_, i) => ({ text: `Sentence number ${i} about the weather.`, ...of(i) }));
  const { table, mapping } = await openText('a.jsonl', texts.map((row) => JSON.stringify(row)).join('\n'));
  return { table, ...guessTask(table, mapping) };
}

describe('columns', () => {
  it('of numbers to predict', async () => {
    const { task, reason, mapping, table } = await rows((i) => ({ score: i / 8 }));
    expect([task, reason]).toEqual(['number', '"score" has only numbers, from 0 to 4.875.']);
    expect((await gather(labelledExamples(table, mapping, 'numbers'))).examples[3]?.labels).toEqual(['0.375']);
    expect((await rows((i) => ({ label: i * 1.5 }))).task).toBe('number');
    expect((await rows((i) => ({ stars: (i % 5) + 1 }))).task).toBe('number');
  });

  it('of numbers that stand for categories', async () => {
    expect((await rows((i) => ({ label: i % 2 }))).task).toBe('categories');
    expect((await rows((i) => ({ label: i % 7 }))).task).toBe('categories');
  });

  it('of whole numbers, which can be a number or categories', async () => {
    const stars = await rows((i) => ({ stars: (i % 5) + 1 }));
    expect([stars.task, stars.labels, stars.also]).toEqual(['number', null, ['categories']]);
    const classes = await rows((i) => ({ label: i % 7 }));
    expect([classes.task, classes.labels, classes.also]).toEqual(['categories', 7, ['number']]);
    const two = await rows((i) => ({ label: i % 2 }));
    expect([two.labels, two.also]).toEqual([2, []]);
    const words = await rows((i) => ({ label: ['a', 'b', 'c'][i % 3] }));
    expect([words.labels, words.also]).toEqual([3, []]);
    expect((await rows((i) => ({ score: i / 8 }))).also).toEqual([]);
  });

  it('of labels that the present mapping ignores are still offered', async () => {
    const texts = Array.from({ length: 40 }, (_, i) => ({ text: `Sentence number ${i} about it.`, label: ['a', 'b'][i % 2] }));
    const dataset = await openText('a.jsonl', texts.map((row) => JSON.stringify(row)).join('\n'));
    const plain = await remapDataset(dataset, { format: 'text', roles: ['text', 'ignore'] }, 'Because.');
    expect(await viewDataset(plain)).toMatchObject({
      format: 'text',
      reason: 'Because.',
      task: { task: 'categories', labels: 2 },
    });
  });

  it('of identifiers and lengths, which are no targets', async () => {
    expect((await rows((i) => ({ id: i, length: 20 + (i % 9) }))).task).toBe('text');
  });

  it('of several labels', async () => {
    const tags = ['red', 'green', 'blue', 'round'];
    const lists = await rows((i) => ({ label: tags.filter((_, k) => (i >> k) % 2 === 1) }));
    expect([lists.task, lists.reason]).toEqual(['labels', '"label" has several labels in one row, of 4 different ones.']);
    expect((await gather(labelledExamples(lists.table, lists.mapping, 'several'))).examples[5]?.labels).toEqual(['red', 'blue']);
    const text = await rows((i) => ({ label: tags.filter((_, k) => ((i + 1) >> k) % 2 === 1).join(', ') || 'none' }));
    expect(text.task).toBe('labels');
  });

  it('of 0 and 1 for each label', async () => {
    const { task, mapping, table, reason } = await rows((i) => ({ toxic: i % 2, threat: Number(i % 3 === 0), insult: 0 }));
    expect([task, reason]).toEqual(['labels', '"toxic", "threat", "insult" have only the values 0 and 1.']);
    expect((await gather(labelledExamples(table, mapping, 'several'))).examples[3]?.labels).toEqual(['toxic', 'threat']);
  });

  it('of two texts that belong together, in the order of the file', async () => {
    const names = [
      ['premise', 'hypothesis'],
      ['sentence1', 'sentence2'],
      ['text_a', 'text_b'],
    ] as const;
    for (const [first, second] of names) {
      const content = Array.from({ length: 40 }, (_, i) =>
        JSON.stringify({
          [first]: `The sky is ${i}.`,
          [second]: `It is a longer sentence, number ${i}.`,
          label: ['yes', 'no'][i % 2],
        }),
      );
      const { table, mapping } = await openText('a.jsonl', content.join('\n'));
      const found = guessTask(table, mapping);
      expect([found.task, found.mapping.roles]).toEqual(['categories', ['text', 'context', 'label']]);
    }
  });

  it('of answers that hardly repeat', async () => {
    const content = Array.from({ length: 30 }, (_, i) =>
      JSON.stringify({ prompt: `What is ${i}?`, completion: `It is ${i}, a number.` }),
    );
    const { table, mapping } = await openText('a.jsonl', content.join('\n'));
    expect(guessTask(table, mapping)).toMatchObject({ task: 'text', reason: 'The answers are texts that hardly repeat.' });
  });

  it('of answers that are labelled true and false', async () => {
    const content = Array.from({ length: 8 }, (_, i) =>
      JSON.stringify({ prompt: `What is ${i}?`, completion: `It is ${i}.`, label: i % 2 === 0 }),
    );
    const { table, mapping } = await openText('a.jsonl', content.join('\n'));
    expect([mapping.format, guessTask(table, mapping).task]).toEqual(['preference', 'ratings']);
  });
});
