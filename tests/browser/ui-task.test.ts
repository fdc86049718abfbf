/** What is learnt from the data: the start card, the guess that opening takes, the user's choice, and a recipe that sets the objective; real workers. */

import { mount, unmount } from 'svelte';
import { afterAll, beforeAll, beforeEach, expect, it, onTestFinished } from 'vitest';
import { page, userEvent } from 'vitest/browser';
import { dataClient, trainClient } from '../../src/client';
import { data } from '../../src/state/data.svelte';
import { SAMPLES } from '../../src/state/samples';
import type { JournalEvent } from '../../src/state/journal.svelte';
import { model } from '../../src/state/model.svelte';
import { defaultRecipe } from '../../src/recipe/recipe';
import { recipe } from '../../src/state/recipe.svelte';
import { remember } from '../../src/state/storage';
import { task } from '../../src/state/task.svelte';
import '../../src/ui/base/base.css';
import '../../src/ui/base/tokens.css';
import DataStage from '../../src/ui/data/DataStage.svelte';
import { GOAL_WORDS, TILES } from '../../src/ui/data/words';
import type { DatasetEncoding } from '../../workers/api';
import { violationsIn } from './accessibility';
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
const usual = () => [objective(), recipe.value?.learningRate, recipe.value?.microBatch];
const field = page.getByRole('region', { name: 'What it learns' });
const choice = (name: string) => page.getByRole('radio', { name, exact: true });

it('takes the guess: objective, usual rate and rows, starter, with the reason', async () => {
  await drop('tags.csv', TAGS);
  await expect.element(field).toHaveTextContent(/Looks like: sort into 3 categories\. "label" has 3 different values/);
  await expect.element(choice('Sort into categories')).toBeChecked();
  expect(usual()).toEqual(['classify', 2e-3, 4]);
  await expect.poll(() => model.source.kind).toBe('starter-encoder');
  await drop('chats.csv', CHATS);
  await expect.element(field).toHaveTextContent(/Looks like: answer like the examples/);
  expect(usual()).toEqual(['sft', 2e-4, 1]);
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
  await expect.element(field).toHaveTextContent(/Set by mine\.json, so the guess from the data was not taken\./);
  expect([objective(), model.source.kind]).toEqual(['sft', 'starter']);
  await choice('Sort into categories').click();
  await expect.poll(objective).toBe('classify');
  await expect.element(field).toHaveTextContent(/You chose: sort into categories\./);
});

it('gives way to a recipe that was picked after the guess was made, before the data are shown', async () => {
  const { decide } = data;
  data.decide = (view, restored) => {
    const opening = decide(view, restored);
    void recipe.importFile(new File(['{"version":2,"epochs":7}'], 'mine.json'));
    return opening;
  };
  onTestFinished(() => void (data.decide = decide));
  await drop('tags.csv', TAGS);
  await expect.poll(() => recipe.value?.epochs).toBe(7);
  expect([objective(), recipe.objectiveFrom]).toEqual(['sft', 'mine.json']);
});

it('takes the guess after a recipe that could not be read', async () => {
  await recipe.importFile(new File(['{'], 'broken.json'));
  expect(recipe.objectiveFrom).toBeNull();
  await drop('tags.csv', TAGS);
  expect(objective()).toBe('classify');
});

it('takes the guess again when the recipe is reset', async () => {
  await drop('scores.csv', SCORES);
  recipe.chooseObjective('sft', 'the Recipe stage');
  recipe.set('epochs', 7);
  recipe.reset();
  await task.takeAgain();
  expect(recipe.value).toMatchObject({ epochs: defaultRecipe().epochs, objective: { kind: 'regress' }, learningRate: 2e-3 });
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

const preview = page.getByRole('region', { name: 'What the model sees' });

async function encodingFor(starter: 'starter' | 'starter-encoder', encoding: DatasetEncoding) {
  const text = async (name: string): Promise<string> => (await fetch(`/models/${starter}/${name}`)).text();
  const [tokenizerJson, tokenizerConfig] = await Promise.all([text('tokenizer.json'), text('tokenizer_config.json')]);
  const { sequenceLength, heldOutRatio, testRatio, split, seed, lossOn, dataSteps } = defaultRecipe();
  return {
    tokenizer: { tokenizerJson, tokenizerConfig, chatTemplate: null, generationConfig: null },
    options: { sequenceLength, heldOutRatio, testRatio, split, seed, lossOn, dataSteps, encoding },
  };
}

it('shows the tokens and the target of labelled rows, and both answers of pairs', async () => {
  await drop('tags.csv', TAGS);
  await data.encodeWith(await encodingFor('starter-encoder', { kind: 'labelled', labels: 'one' }));
  await expect.element(preview).toHaveTextContent(/\[CLS\] ?sentence number 0 about the weather ?\[SEP\].*Learns: sun/i);
  await page.getByRole('button', { name: 'Next example' }).click();
  await expect.element(preview).toHaveTextContent(/Learns: rain/);
  await data.close();
  await data.encodeWith(await encodingFor('starter', { kind: 'pair' }));
  await drop('pairs.jsonl', PAIR);
  await expect.element(preview).toHaveTextContent(/Preferred.*In the tower\..*Rejected.*In the sea\./);
  await expect.element(preview).not.toHaveTextContent('Learns:');
});

const tile = (name: string) => page.getByRole('group', { name: 'What should it learn?' }).getByRole('button', { name });

it('asks before there are data, by keyboard too, and the answer holds for the file', async () => {
  await expect.element(tile('Prefer one answer over another')).toHaveAttribute('aria-pressed', 'false');
  tile('Continue text').element().focus();
  await userEvent.keyboard('{Enter}');
  await expect.element(tile('Continue text')).toHaveAttribute('aria-pressed', 'true');
  await userEvent.keyboard('{Enter}');
  await expect.element(tile('Continue text')).toHaveAttribute('aria-pressed', 'false');
  expect(task.wish).toBeNull();
  await tile('Give a number').click();
  await drop('scores.csv', SCORES);
  await expect.element(tile('Give a number')).not.toBeInTheDocument();
  await expect.element(field).toHaveTextContent(/You chose: give a number\./);
});

it('has a sample for each tile, tagged with its task, which is learnt when the tile was chosen', async () => {
  for (const { goal } of TILES) {
    await data.close();
    await task.choose(goal);
    const sample = SAMPLES.find((one) => one.task === goal);
    await page.getByRole('group', { name: 'Samples' }).getByRole('button', { name: GOAL_WORDS[goal].name }).click();
    await expect.poll(() => data.view?.name).toBe(sample?.file);
    expect([task.goal, task.refused]).toEqual([goal, null]);
  }
});

it.each([
  ['light', 360],
  ['dark', 360],
  ['light', 1280],
] as const)('has no violation that axe finds before there are data, %s, %i pixels wide', async (theme, width) => {
  document.documentElement.dataset['theme'] = theme;
  document.documentElement.lang = 'en';
  document.title = 'Finetab';
  await page.viewport(width, 800);
  await expect.element(tile('Sort into categories')).toBeVisible();
  expect(await violationsIn(document.body)).toEqual([]);
  expect(document.documentElement.scrollWidth).toBeLessThanOrEqual(width);
});
