/** Rows that a teacher answers: which are asked, what it reads, and the dataset that its answers make. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Preparation } from '../../src/batch/preparation';
import { openDataset, remapDataset } from '../../src/dataset/dataset';
import { taughtRows, type TeachingWish } from '../../src/dataset/taught';
import { teachingProblem } from '../../src/recipe/teachable';
import { mappingAt } from '../../src/recipe/mapping';
import { isTaught, taughtFile, taughtMapping } from '../../src/state/taught-rows';
import { viewDataset } from '../../src/dataset/dataset';
import type { TeachingJob } from '../../src/teaching/types';

const ALL: TeachingWish = { part: 'all', most: 100, seed: 1 };
const used = (count: number) =>
  new Map(Array.from({ length: count + 2 }, (_, line) => [line, line % 2 === 0 ? 'train' : 'test']));
const open = (text: string, name: string) => openDataset(name, new Blob([text]));
const openAlpaca = async () =>
  remapDataset(await open(CSV, 'a.csv'), { format: 'alpaca', roles: ['ignore', 'user', 'context', 'assistant'] });
const lines = (...rows: readonly object[]) => rows.map((row) => JSON.stringify(row)).join('\n');

const CSV = [
  'group,instruction,input,output',
  ...Array.from({ length: 9 }, (_, i) => `g${i},Name it ${i},the sea,Sea ${i}`),
].join('\n');
const job = (rows: TeachingJob['rows'], more: Partial<TeachingJob> = {}): TeachingJob => ({
  ...{ startedAt: 0, name: 'tickets.csv', mapping: { format: 'alpaca', roles: {} }, form: 'answer', column: 'output' },
  teacher: { id: 't', name: 'Big One', precision: 'stored' },
  ...{ temperature: 0, maxTokens: 8, seed: 1, keepOriginal: true, rows },
  ...more,
});
const answer = (index: number, text: string, ended = true) => ({ index, text, ended });
const read = async (file: File) =>
  (await file.text())
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('rows with an answer of their own', () => {
  it('are asked as they are trained, keep their columns, and give the answer away', async () => {
    const dataset = await openAlpaca();
    const { form, column, rows } = await taughtRows(dataset, used(9), ALL);
    expect([form, column, rows.length]).toEqual(['answer', 'output', 9]);
    expect(rows[0]).toEqual({
      line: 2,
      prompt: [{ role: 'user', content: 'Name it 0\nthe sea' }],
      original: 'Sea 0',
      cells: { group: 'g0', instruction: 'Name it 0', input: 'the sea' },
    });
  });
  it('are those of the wanted part, at most as many as wanted, the same for the same seed', async () => {
    const dataset = await openAlpaca();
    const of = async (wish: Partial<TeachingWish>) =>
      (await taughtRows(dataset, used(9), { ...ALL, ...wish })).rows.map(({ line }) => line);
    expect(await of({ part: 'train' })).toEqual([2, 4, 6, 8, 10]);
    const some = await of({ most: 4 });
    expect(some).toHaveLength(4);
    expect(some).toEqual(some.toSorted((a, b) => a - b));
    expect(await of({ most: 4 })).toEqual(some);
    expect(await of({ most: 4, seed: 5 })).not.toEqual(some);
    await expect(taughtRows(dataset, new Map(), ALL)).rejects.toThrow('No row has a question');
  });
  it('become a dataset of the same form with the teacher’s answers, which are marked', async () => {
    const dataset = await openAlpaca();
    const found = await taughtRows(dataset, used(9), ALL);
    const mapping = taughtMapping(await viewDataset(dataset), found);
    const own = job(found.rows, { mapping });
    const answers = [answer(3, ' The wide sea. '), answer(0, 'A sea.'), answer(1, 'cut off', false), answer(2, '  ')];
    expect(answers.filter(isTaught)).toHaveLength(2);
    const file = taughtFile(own, answers);
    expect(file.name).toBe('tickets-answered-by-big-one.jsonl');
    const mark = { answer_by: 'Big One' };
    expect(await read(file)).toEqual([
      { group: 'g0', instruction: 'Name it 0', input: 'the sea', output: 'A sea.', ...mark, original_answer: 'Sea 0' },
      { group: 'g3', instruction: 'Name it 3', input: 'the sea', output: 'The wide sea.', ...mark, original_answer: 'Sea 3' },
    ]);
    const [row] = await read(taughtFile({ ...own, keepOriginal: false }, answers));
    expect(row).not.toHaveProperty('original_answer');

    const detected = await openDataset(file.name, file);
    const opened = await remapDataset(detected, mappingAt(mapping, detected.parsed.columns));
    expect(opened.mapping).toMatchObject({
      format: 'alpaca',
      roles: ['ignore', 'user', 'context', 'assistant', 'ignore', 'ignore'],
    });
    expect(opened.examples.head[0]).toMatchObject({
      messages: [
        { role: 'user', content: 'Name it 0\nthe sea' },
        { role: 'assistant', content: 'A sea.' },
      ],
    });
  });
  it('does not take the name of a column that the data have', async () => {
    const rows = [{ line: 1, prompt: [], original: 'o', cells: { answer_by: 'me', q: 'x' } }];
    expect(await read(taughtFile(job(rows), [answer(0, 'yes')]))).toEqual([
      { answer_by: 'me', q: 'x', output: 'yes', answer_by_2: 'Big One', original_answer: 'o' },
    ]);
  });
});

describe('conversations', () => {
  const turns = [
    { role: 'system', content: 'Be short.' },
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: 'Hello' },
    { role: 'user', content: 'Why?' },
    { role: 'assistant', content: 'Because.' },
  ];
  const call = { role: 'assistant', content: '', tool_calls: [{ function: { name: 'look', arguments: '{}' } }] };

  it('have their last answer written anew; the earlier ones are read, not learnt', async () => {
    const text = lines(
      { messages: turns, topic: 'x' },
      { messages: [turns[1], call, { role: 'tool', content: '1' }, turns[4]], topic: 'y' },
    );
    const dataset = await open(text, 'chats.jsonl');
    const found = await taughtRows(dataset, used(2), ALL);
    expect([found.form, found.column, found.rows.length]).toEqual(['conversation', 'messages', 1]);
    expect(found.rows[0]?.prompt).toEqual(turns.slice(0, 4));
    const own = job(found.rows, {
      form: 'conversation',
      column: 'messages',
      mapping: taughtMapping(await viewDataset(dataset), found),
    });
    const file = taughtFile(own, [answer(0, 'It is so.')]);
    const opened = await openDataset(file.name, file);
    expect(opened.mapping.format).toBe('messages');
    expect(opened.examples.head[0]).toMatchObject({
      messages: [turns[0], turns[1], { ...turns[2], weight: 0 }, turns[3], { role: 'assistant', content: 'It is so.' }],
    });
    expect(await read(file)).toMatchObject([{ topic: 'x', answer_by: 'Big One', original_answer: 'Because.' }]);
  });
});

describe('data of another form', () => {
  it('are refused with what a teacher needs', async () => {
    expect(teachingProblem({ format: 'alpaca', roles: ['user', 'assistant'] })).toBeNull();
    expect(teachingProblem({ format: 'messages', roles: ['messages', 'tools'] })).toContain('call tools');
    expect(teachingProblem({ format: 'messages', roles: ['messages', 'images'] })).toContain('pictures');
    for (const format of ['preference', 'text', 'text-label'] as const)
      expect(teachingProblem({ format, roles: ['text'] })).toContain('needs data of questions');
    const pairs = await open(
      lines({ prompt: 'a', chosen: 'b', rejected: 'c' }, { prompt: 'd', chosen: 'e', rejected: 'f' }),
      'p.jsonl',
    );
    await expect(taughtRows(pairs, used(2), ALL)).rejects.toMatchObject({ code: 'data/columns' });
  });
});

it('reads the rows for training of the present split, cleaned as the recipe says', async () => {
  const data = new Preparation();
  await data.open(new File([`${CSV}\n${CSV.split('\n')[1] ?? ''}`], 'a.csv'));
  const file = (name: string) => readFileSync(new URL(`../../public/models/starter/${name}`, import.meta.url), 'utf8');
  const [tokenizerJson, tokenizerConfig] = [file('tokenizer.json'), file('tokenizer_config.json')];
  await data.setTokenizer({ tokenizerJson, tokenizerConfig, chatTemplate: null, generationConfig: null });
  const options = {
    sequenceLength: 64,
    heldOutRatio: 0.3,
    seed: 7,
    lossOn: 'assistant',
    dataSteps: [{ kind: 'drop-duplicates' }],
  } as const;
  const found = await data.teachingRows({ ...ALL, part: 'train' }, options);
  const { train } = await data.encode(options);
  expect(found.rows.map(({ line }) => line)).toEqual([...train.lines].sort((a, b) => a - b));
  expect((await data.teachingRows(ALL, options)).rows).toHaveLength(9);
});
