/** What is learnt from the data: the guess that opening takes, the user's choice, and a recipe that sets the objective; real workers. */

import { mount, unmount } from 'svelte';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { page, userEvent } from 'vitest/browser';
import { dataClient, trainClient } from '../../src/client';
import { data } from '../../src/state/data.svelte';
import type { JournalEvent } from '../../src/state/journal.svelte';
import { model } from '../../src/state/model.svelte';
import { recipe } from '../../src/state/recipe.svelte';
import { remember } from '../../src/state/storage';
import { task } from '../../src/state/task.svelte';
import DataStage from '../../src/ui/data/DataStage.svelte';
import { modelFiles } from './model-files';

let stage: Record<string, unknown>;
const opened: JournalEvent[] = [];
const listen = (event: Event): void => {
  const detail = (event as CustomEvent<JournalEvent>).detail;
  if (detail.event === 'data') opened.push(detail);
};

beforeAll(async () => {
  window.addEventListener('finetab', listen);
  stage = mount(DataStage, { target: document.body });
  await data.restore();
  await model.restore();
});
afterAll(() => {
  void unmount(stage);
  window.removeEventListener('finetab', listen);
  for (const client of [dataClient, trainClient]) client.kill();
});
beforeEach(async () => {
  recipe.reset();
  await task.choose(null);
  await data.close();
  await model.choose({ kind: 'starter' });
  opened.length = 0;
});

const rowsOf = (column: string, value: (i: number) => string | number) =>
  [`text,${column}`, ...Array.from({ length: 40 }, (_, i) => `Sentence number ${i} about the weather,${value(i)}`)].join('\n');
const TAGS = rowsOf('label', (i) => ['sun', 'rain', 'snow'][i % 3] ?? '');
const SCORES = rowsOf('score', (i) => (i % 5) + 1);
const CHATS = 'question,answer\nWhere is the lamp?,In the tower.\nWho lights it?,The keeper.\n';
const PAIR = JSON.stringify({ prompt: 'Where is the lamp?', chosen: 'In the tower.', rejected: 'In the sea.' });

const drop = async (name: string, content: string): Promise<void> => {
  await userEvent.upload(page.getByLabelText('Data file'), new File([content], name));
  await expect.poll(() => data.view?.name).toBe(name);
};
const objective = () => recipe.at('objective.kind');
const field = page.getByRole('region', { name: 'What it learns' });
const choice = (name: string) => page.getByRole('radio', { name, exact: true });

it('takes the guess: objective, usual rate and starter, with the reason', async () => {
  await drop('tags.csv', TAGS);
  await expect.element(field).toHaveTextContent(/Looks like: sort into 3 categories\. "label" has 3 different values/);
  await expect.element(choice('Sort into categories')).toBeChecked();
  expect([objective(), recipe.value?.learningRate]).toEqual(['classify', 2e-3]);
  await expect.poll(() => model.source.kind).toBe('starter-encoder');
  await drop('chats.csv', CHATS);
  await expect.element(field).toHaveTextContent(/Looks like: answer like the examples/);
  expect([objective(), recipe.value?.learningRate]).toEqual(['sft', 2e-4]);
  await expect.poll(() => model.source.kind).toBe('starter');
});

it('maps the columns for the guess before the data are shown, and says why', async () => {
  await drop('scores.csv', SCORES);
  expect(opened).toEqual([{ event: 'data', examples: 40, rejected: 0, format: 'text-label' }]);
  expect(data.view?.reason).toMatch(/^"score" has only numbers, from 1 to 5\. /);
  expect(objective()).toBe('regress');
  await choice('Sort into categories').click();
  await expect.poll(objective).toBe('classify');
  await choice('Continue text').click();
  await expect.poll(() => data.view?.format).toBe('text');
  expect(objective()).toBe('sft');
  await choice('Give a number').click();
  await expect.poll(() => data.view?.format).toBe('text-label');
  expect(objective()).toBe('regress');
});

it('keeps what the user chose for the next file', async () => {
  await drop('tags.csv', TAGS);
  await choice('Answer like my examples').click();
  await expect.poll(objective).toBe('sft');
  await drop('scores.csv', SCORES);
  await expect.element(field).toHaveTextContent(/Looks like: give a number\..*You chose: answer like the examples\./);
  expect([objective(), data.view?.format]).toEqual(['sft', 'text-label']);
  await expect.poll(() => model.inspecting).toBe(false);
  expect(model.source.kind).toBe('starter');
});

it('says why a file can’t serve what the user chose, and takes its guess', async () => {
  await task.choose('categories');
  await drop('chats.csv', CHATS);
  await expect
    .element(field)
    .toHaveTextContent(
      /You chose “Sort into categories”, which chats\.csv can’t serve\. The model learns to answer like the examples/,
    );
  expect(objective()).toBe('sft');
  await task.choose('text');
  await expect.element(field).not.toHaveTextContent('can’t serve');
});

it('does not change the objective of a recipe that was imported, until the task is chosen by hand', async () => {
  const reading = recipe.importFile(new File(['{"version":2,"objective":{"kind":"sft"}}'], 'mine.json'));
  await drop('tags.csv', TAGS);
  await reading;
  await expect.element(field).toHaveTextContent(/What it learns is set by mine\.json, which the guess does not change\./);
  expect([objective(), model.source.kind]).toEqual(['sft', 'starter']);
  await choice('Sort into categories').click();
  await expect.poll(objective).toBe('classify');
  await expect.element(field).toHaveTextContent(/You chose: sort into categories\./);
});

it('takes the guess after a recipe that could not be read', async () => {
  await recipe.importFile(new File(['{'], 'broken.json'));
  expect(recipe.objectiveFrom).toBeNull();
  await drop('tags.csv', TAGS);
  expect(objective()).toBe('classify');
});

it('begins with the preferred answers of pairs, unless the preference was chosen', async () => {
  await drop('pairs.jsonl', PAIR);
  await expect.element(field).toHaveTextContent(/Looks like: prefer one answer over another/);
  expect(objective()).toBe('sft');
  await data.close();
  await task.choose('preference');
  await drop('pairs.jsonl', PAIR);
  await expect.element(choice('Prefer one answer over another')).toBeChecked();
  expect([objective(), recipe.value?.learningRate]).toEqual(['dpo', 1e-5]);
  recipe.chooseObjective('ipo', 'the Recipe stage');
  await drop('more.jsonl', PAIR);
  expect(objective()).toBe('ipo');
});

it('leaves a restored dataset as it was', async () => {
  remember('sample', 'support-tickets.csv');
  await data.restore();
  expect([data.view?.name, objective(), model.source.kind]).toEqual(['support-tickets.csv', 'sft', 'starter']);
});

it('never replaces a model of the user', async () => {
  await model.choose({ kind: 'files', files: modelFiles() });
  expect(model.failure).toBeNull();
  await drop('tags.csv', TAGS);
  await expect.poll(objective).toBe('classify');
  await model.chooseStarter('starter-encoder');
  expect(model.source.kind).toBe('files');
});
