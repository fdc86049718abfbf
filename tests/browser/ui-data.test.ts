/** The Data stage on the real data worker: files are opened, mapped and previewed, and bad ones refused. */

import { mount, unmount } from 'svelte';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { page, userEvent } from 'vitest/browser';
import { dataClient } from '../../src/client';
import { data } from '../../src/state/data.svelte';
import { recipe } from '../../src/state/recipe.svelte';
import { SAMPLES } from '../../src/state/samples';
import type { JournalEvent } from '../../src/state/journal.svelte';
import DataStage from '../../src/ui/data/DataStage.svelte';
import { starterEncoding } from './starter-encoding';

let stage: Record<string, unknown>;
const heard: JournalEvent[] = [];
const listen = (event: Event): void => void heard.push((event as CustomEvent<JournalEvent>).detail);

beforeAll(async () => {
  window.addEventListener('finetab', listen);
  stage = mount(DataStage, { target: document.body });
  await data.restore();
  await data.encodeWith(await starterEncoding({}));
});
afterAll(() => {
  void unmount(stage);
  window.removeEventListener('finetab', listen);
  dataClient.kill();
});
beforeEach(async () => {
  heard.length = 0;
  await data.close();
});

const CSV = 'question,answer\nWhere is the lamp?,In the tower.\nWho lights it?,The keeper.\n,Nobody asked.\n';
const drop = (name: string, content: string | Uint8Array<ArrayBuffer>) =>
  userEvent.upload(page.getByLabelText('Data file'), new File([content], name));
const textsOf = (use: string): string =>
  [...document.querySelectorAll(`[aria-label="Tokens of the example"] .${use}`)].map((token) => token.textContent).join('');
const trained = (): string => textsOf('trained');

it('reads a file, reports its format, and lists the rows left out by line', async () => {
  await drop('lamp.csv', CSV);
  await expect.element(page.getByRole('heading', { name: 'lamp.csv' })).toBeVisible();
  expect(heard).toEqual([{ event: 'data', examples: 2, rejected: 1, format: 'prompt-completion' }]);
  const rows = page.getByRole('table', { name: 'Rows left out' }).getByRole('row');
  await expect.element(rows.nth(1)).toHaveTextContent(/^4/);
});

it('tells that rejected answers are not used, until another format is chosen', async () => {
  const row = { prompt: 'Where is the lamp?', chosen: 'In the tower.', rejected: 'In the sea.' };
  await drop('pairs.jsonl', JSON.stringify(row));
  const notice = page.getByText(/^Only the preferred answers are learnt/);
  await expect.element(notice.first()).toBeVisible();
  await expect.element(page.getByRole('combobox', { name: 'Format' })).toHaveValue('preference');
  await expect.poll(trained).toContain('In the tower.');
  expect(trained()).not.toContain('sea');
  await page.getByRole('combobox', { name: 'Format' }).selectOptions('Prompt and completion');
  await expect.element(notice).not.toBeInTheDocument();
});

it('marks trained tokens, and steps through the examples', async () => {
  await drop('lamp.csv', CSV);
  await expect.poll(trained).toContain('In the tower.');
  expect(trained()).not.toContain('Where');
  await page.getByRole('button', { name: 'Next example' }).click();
  await expect.poll(trained).toContain('The keeper.');
  await expect.element(page.getByRole('button', { name: 'Next example' })).toBeDisabled();
});

it('shows the example whose number is typed, or the nearest one', async () => {
  await drop('lamp.csv', CSV);
  await expect.poll(trained).toContain('In the tower.');
  const number = page.getByRole('spinbutton', { name: 'Example' });
  await number.fill('2');
  await userEvent.keyboard('{Enter}');
  await expect.poll(trained).toContain('The keeper.');
  await number.fill('99');
  await userEvent.keyboard('{Enter}');
  await expect.element(number).toHaveValue(2);
});

it('shows what the sequence length cuts off, in words too', async () => {
  await drop('lamp.csv', CSV);
  await data.encodeWith(await starterEncoding({ sequenceLength: 18 }));
  await expect.poll(() => textsOf('cut')).not.toBe('');
  expect(trained() + textsOf('cut')).toContain('In the tower.');
  await expect
    .element(page.getByRole('region', { name: 'Tokens of the example' }))
    .toHaveTextContent(/Read: .*Trained: .*Cut off: /s);
  await expect.element(page.getByText(/cut off \(\d+ of them would be trained\)/)).toBeVisible();
  await expect.element(page.getByText(/of examples, \d+ tokens?, \d.*% of what is learnt$/)).toBeVisible();
  await data.encodeWith(await starterEncoding({}));
});

it('refuses a chat template that does not come to an end, and goes on with another', async () => {
  await drop('lamp.csv', CSV);
  await expect.poll(trained).toContain('In the tower.');
  const chatTemplate = "{% set n = namespace(t='ab') %}{% for i in range(99) %}{% set n.t = n.t ~ n.t %}{% endfor %}";
  const { tokenizer, options } = await starterEncoding({});
  await data.encodeWith({ options, tokenizer: { ...tokenizer, chatTemplate } });
  await expect.element(page.getByText(/does not come to an end.*chat_template\.jinja/).first()).toBeVisible();
  expect(heard.at(-1)).toMatchObject({ event: 'error', code: 'model/template' });
  await data.encodeWith({ options, tokenizer });
  await expect.poll(trained).toContain('In the tower.');
  await expect.element(page.getByText(/does not come to an end/)).not.toBeInTheDocument();
});

it('trains on every token when asked to', async () => {
  await drop('lamp.csv', CSV);
  await data.encodeWith(await starterEncoding({ lossOn: 'all' }));
  await expect.poll(trained).toContain('Where is the lamp?');
  await data.encodeWith(await starterEncoding({}));
});

it('accepts other roles for the columns', async () => {
  await drop('lamp.csv', CSV);
  await page.getByRole('combobox', { name: 'Use of column question' }).selectOptions('Answer (assistant)');
  await page.getByRole('combobox', { name: 'Use of column answer' }).selectOptions('Question (user)');
  await expect.poll(trained).toContain('Where is the lamp?');
  expect(trained()).not.toContain('tower');
});

it('writes the question from columns, which the recipe keeps', async () => {
  await drop('mail.csv', 'Subject,Body,Reply\nLate,Where is it?,Soon.\n,It broke.,Sorry.\n');
  await page.getByText('Write the question from columns').click();
  const box = page.getByRole('textbox', { name: 'What the model reads as the question' });
  await box.fill('{Betreff}');
  await expect.element(page.getByText('There is no column {Betreff}.')).toBeVisible();
  await expect.element(page.getByRole('button', { name: 'Use this question' })).toBeDisabled();
  await box.fill('About: {Subject}\n');
  await page.getByRole('button', { name: '{Body}' }).click();
  await expect.element(page.getByRole('listitem').filter({ hasText: 'About: Late' })).toHaveTextContent('Where is it?');
  await page.getByRole('button', { name: 'Use this question' }).click();
  const text = page.getByRole('region', { name: 'Tokens of the example' });
  await expect.element(text).toHaveTextContent(/About: Late\s*Where is it\?/);
  const roles = { Subject: 'user', Body: 'user', Reply: 'assistant' };
  expect(recipe.at('mapping')).toEqual({ format: 'prompt-completion', roles, template: 'About: {Subject}\n{Body}' });
  await page.getByRole('button', { name: 'Remove it' }).click();
  await expect.element(text).not.toHaveTextContent('About');
  recipe.reset();
});

it('counts tokens and truncated examples', async () => {
  await drop('lamp.csv', CSV);
  await expect.poll(() => data.stats?.examples).toBe(2);
  expect(data.stats?.truncated).toBe(0);
  await data.encodeWith(await starterEncoding({ sequenceLength: 18 }));
  expect(data.stats?.truncated).toBe(1);
  await data.encodeWith(await starterEncoding({ sequenceLength: 8 }));
  expect(data.stats?.droppedCount).toBe(2);
  await expect
    .element(page.getByRole('region', { name: 'Tokens of the example' }))
    .toHaveTextContent(/Raise the sequence length/);
  await expect.element(page.getByRole('alert')).not.toBeInTheDocument();
  await data.encodeWith(await starterEncoding({}));
});

it.each([
  ['an empty file', 'nothing.csv', '', 'data/empty'],
  ['a binary file', 'photo.jsonl', Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0, 0, 0, 1, 0xff, 0xfe, 0]), 'data/binary'],
] as const)('refuses %s, keeps the present dataset, and stays usable', async (_, name, content, code) => {
  await drop('lamp.csv', CSV);
  await expect.element(page.getByRole('heading', { name: 'lamp.csv' })).toBeVisible();
  await drop(name, content);
  await expect.element(page.getByRole('alert')).toHaveTextContent(`${name} could not be used; lamp.csv is still the dataset.`);
  expect(heard.at(-1)).toMatchObject({ event: 'error', code });
  await page.getByRole('button', { name: 'Next example' }).click();
  await expect.poll(trained).toContain('The keeper.');
  await drop('lamp.csv', CSV);
  await expect.element(page.getByRole('alert')).not.toBeInTheDocument();
});

it('opens the bundled samples', async () => {
  for (const [index, sample] of SAMPLES.entries()) {
    // Samples fold once there are data.
    if (index > 0) await page.getByText('Other data').click();
    await page.getByRole('button', { name: sample.title }).click();
    await expect.element(page.getByRole('heading', { name: sample.file })).toBeVisible();
  }
  expect(heard.map(({ event }) => event)).toEqual(SAMPLES.map(() => 'data'));
  expect(SAMPLES.length).toBeGreaterThan(1);
});

it('shows the file opened last, and nothing once closed', async () => {
  const [slow, quick] = [new File([CSV.repeat(2_000)], 'slow.csv'), new File([CSV], 'quick.csv')];
  await Promise.all([data.open(slow), data.open(quick)]);
  expect(data.view?.name).toBe('quick.csv');
  await Promise.all([data.open(slow), data.close()]);
  expect(data.view).toBeNull();
  expect(data.opening).toBe(false);
  expect(heard).toHaveLength(1);
});

it('reads pasted text', async () => {
  await page.getByText('Paste text instead').click();
  await page.getByRole('textbox', { name: 'Text' }).fill('text,label\nlovely,good\nawful,bad\n');
  await page.getByRole('button', { name: 'Read this text' }).click();
  await expect.element(page.getByRole('heading', { name: 'pasted.csv' })).toBeVisible();
  expect(heard.at(-1)).toMatchObject({ event: 'data', examples: 2, format: 'text-label' });
});

it('restores file, mapping and tokenizer in the next worker when one died', async () => {
  await drop('lamp.csv', CSV);
  await page.getByRole('combobox', { name: 'Use of column question' }).selectOptions('Answer (assistant)');
  await page.getByRole('combobox', { name: 'Use of column answer' }).selectOptions('Question (user)');
  await expect.poll(trained).toContain('Where is the lamp?');
  dataClient.kill();
  const { dataset } = await data.encode(await starterEncoding({ heldOutRatio: 0 }));
  expect(dataset.train.offsets).toHaveLength(3);
  await data.showExample(1);
  await expect.poll(trained).toContain('Who lights it?');
});
