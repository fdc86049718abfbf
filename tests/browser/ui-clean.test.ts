/** Data steps in the Data stage, on the real data worker: suggested, added, changed, removed, and kept by the recipe. */

import { flushSync, mount, unmount } from 'svelte';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { page, userEvent } from 'vitest/browser';
import { dataClient } from '../../src/client';
import { cleanWithRecipe } from '../../src/state/cleaning.svelte';
import { data } from '../../src/state/data.svelte';
import { recipe } from '../../src/state/recipe.svelte';
import DataStage from '../../src/ui/data/DataStage.svelte';
import { INPUTS } from '../../src/ui/names';
import AnswerPane from '../../src/ui/use/AnswerPane.svelte';
import PutBack from '../../src/ui/use/PutBack.svelte';
import { violationsIn } from './accessibility';

let stage: Record<string, unknown>;
let stop: () => void;

beforeAll(() => {
  stage = mount(DataStage, { target: document.body });
  stop = cleanWithRecipe();
});
afterAll(() => {
  stop();
  void unmount(stage);
  dataClient.kill();
});
beforeEach(async () => {
  await data.close();
  recipe.reset();
  flushSync();
  await data.open(new File([CSV], 'tickets.csv'));
});

const CSV = [
  'text,label',
  'I was charged twice,Billing',
  'I was charged twice ,Billing',
  'My card was declined,billing',
  'Where is my refund?,Refund',
  'The app crashes,',
  'My card was stolen,Billing',
].join('\n');

const line = page.getByRole('region', { name: 'Clean' });
const panel = page.getByRole('tabpanel', { name: 'Clean' });
const button = (name: string | RegExp) => panel.getByRole('button', { name });
const applyAll = line.getByRole('button', { name: 'Apply all' });
const review = line.getByRole('button', { name: 'Review' });
const steps = () => recipe.value?.dataSteps.map(({ kind }) => kind);

it('sums up in one line, and applies all suggestions', async () => {
  await expect.element(line).toHaveTextContent('5 usable · 3 suggestions');
  await applyAll.click();
  await expect.element(line).toHaveTextContent('4 usable · 3 steps applied');
  expect(steps()).toEqual(['trim', 'merge-labels', 'drop-duplicates']);
  await expect.element(applyAll).not.toBeInTheDocument();
  await expect.element(review).toHaveFocus();
  const rows = page.getByRole('table', { name: 'Rows left out' });
  await expect
    .element(rows)
    .toHaveTextContent(/1 row can’t be used ?6.*empty\. ?Step 3: Remove 1 duplicate ?3 ?Repeats line 2\./);
});

it('shows what a suggestion does, adds it, and removes it again, by keyboard', async () => {
  await review.click();
  await expect.element(panel).toHaveTextContent('Merge 2 spellings of “Billing”: 1 row');
  await expect.element(panel).toHaveTextContent('Line 4, label: billing → Billing');
  button('Add: Merge 2 spellings of “Billing”: 1 row').element().focus();
  await userEvent.keyboard('{Enter}');
  await expect.element(line).toHaveTextContent('5 usable · 1 step applied · 2 suggestions');
  await expect.element(panel.getByRole('heading', { name: 'Applied steps' })).toHaveFocus();
  await userEvent.keyboard('{Tab}{Enter}');
  await expect.element(line).toHaveTextContent('5 usable · 3 suggestions');
  expect(steps()).toEqual([]);
});

it('keeps the order of steps, and changes their settings', async () => {
  await review.click();
  await panel.getByRole('combobox', { name: 'Another step' }).selectOptions('Remove short or long texts');
  await button('Add step').click();
  await button(/^Add: Trim/).click();
  await panel.getByRole('textbox', { name: 'Fewest characters' }).fill('19');
  await expect.element(panel).toHaveTextContent('Remove 2 rows with an input of fewer than 19 characters');
  await panel.getByRole('textbox', { name: 'Fewest characters' }).fill('many');
  await expect
    .element(panel)
    .toHaveTextContent('Fewest characters of data step 1 must be a whole number from 0 to 100,000,000, not “many”.');
  expect(recipe.value).toBeNull();
  await panel.getByRole('textbox', { name: 'Fewest characters' }).fill('20');
  await expect.element(panel).toHaveTextContent('Remove 5 rows with an input of fewer than 20 characters');
  expect(recipe.value?.dataSteps).toEqual([{ kind: 'length', of: 'input', min: 20, max: 0 }, { kind: 'trim' }]);
});

it('masks the personal data that is chosen', async () => {
  const texts = [
    'Write to eva@example.com',
    'Write to eva@example.com, or call 212-555-0123',
    'Call 212-555-0123',
    'Nothing here',
  ];
  await data.open(new File([['text,label', ...texts.map((text) => `"${text}",Billing`)].join('\n')], 'personal.csv'));
  await review.click();
  await expect.element(panel).toHaveTextContent(/Mask personal data: 3 rows.*e-mail addresses: 2 rows.*phone numbers: 2 rows/);
  await expect.element(panel).toHaveTextContent('eva@example.com → Write to [EMAIL_1]');
  await button(/^Add: Mask/).click();
  await panel.getByRole('checkbox', { name: 'E-mail addresses' }).click();
  await expect.element(panel).toHaveTextContent('Mask phone numbers: 2 rows');
  expect(recipe.value?.dataSteps).toMatchObject([{ kind: 'mask-personal', email: false, phone: true, name: false }]);
  expect(await violationsIn(panel.element())).toEqual([]);
});

it('saves the key of the masks, which puts values back into answers', async () => {
  const row = '"Write to Eva@example.com, or call 212-555-0123",Billing';
  await data.open(new File([`text,label\n${row}\n${row}`], 'personal.csv'));
  await review.click();
  await button(/^Add: Mask/).click();
  const saved = vi.spyOn(URL, 'createObjectURL');
  await button('Save the key').click();
  await expect.poll(() => saved.mock.calls.length).toBe(1);
  const key = saved.mock.calls[0]?.[0] as Blob;
  saved.mockRestore();
  expect(await key.text()).toBe('{\n  "[EMAIL_1]": "Eva@example.com",\n  "[PHONE_1]": "212-555-0123"\n}\n');

  const target = document.body.appendChild(document.createElement('main'));
  const answer = { text: 'I wrote to [EMAIL_1], [EMAIL_2].', result: null };
  const shown = [
    mount(PutBack, { target }),
    mount(AnswerPane, { target, props: { title: 'Tuned model', side: 'tuned', answer, writing: false, opening: '' } }),
  ];
  const pane = page.getByRole('region', { name: 'Tuned model' });
  const input = page.getByLabelText(INPUTS.maskKey);
  await expect.element(pane).toHaveTextContent('I wrote to [EMAIL_1], [EMAIL_2].');
  await input.upload(new File(['{}'], 'other.json'));
  await expect.element(page.getByRole('alert')).toHaveTextContent('other.json is no key of masked data');
  await input.upload(new File([key], 'personal-key.json'));
  await expect.element(pane).toHaveTextContent('I wrote to Eva@example.com, [EMAIL_2].');
  expect(await violationsIn(target)).toEqual([]);
  await page.getByRole('button', { name: 'Show placeholders' }).click();
  await expect.element(pane).toHaveTextContent('I wrote to [EMAIL_1], [EMAIL_2].');
  await expect.element(page.getByRole('button', { name: 'Put values back' })).toHaveFocus();
  for (const one of shown) await unmount(one);
  target.remove();
});

it('fills empty cells of the column that is chosen, with the text that is typed', async () => {
  await review.click();
  await panel.getByRole('combobox', { name: 'Another step' }).selectOptions('Fill empty cells');
  await button('Add step').click();
  await expect.element(panel).toHaveTextContent('Fill empty cells: 1 row');
  await panel.getByRole('combobox', { name: 'Fill with' }).selectOptions('The same text');
  await expect.element(panel).toHaveTextContent('Fill empty cells: 0 rows');
  await panel.getByRole('combobox', { name: 'Column' }).selectOptions('label');
  await panel.getByRole('textbox', { name: 'Text' }).fill('Crash');
  await userEvent.keyboard('{Enter}');
  await expect.element(line).toHaveTextContent('6 usable · 1 step applied');
  expect(recipe.value?.dataSteps).toEqual([{ kind: 'fill-empty', column: 'label', from: 'text', text: 'Crash' }]);
  expect(await violationsIn(panel.element())).toEqual([]);
});

it('follows a recipe that is read, and gives the next worker the same rows', async () => {
  await applyAll.click();
  await expect.poll(() => data.view?.examples).toBe(4);
  const file = new File([recipe.exportText(data.view)], 'recipe.json');
  recipe.reset();
  await expect.poll(() => data.view?.examples).toBe(5);
  await recipe.importFile(file);
  await expect.poll(() => data.view?.examples).toBe(4);
  dataClient.kill();
  await data.setRole(1, 'label');
  expect(data.view).toMatchObject({ examples: 4, leftOut: 2 });
});

it('says when a recipe was used with other data', async () => {
  const file = new File([recipe.exportText(data.view)], 'recipe.json');
  const words = page.getByText('The recipe was used with other data: tickets.csv.');
  await recipe.importFile(file);
  await expect.element(words).not.toBeInTheDocument();
  await data.open(new File([CSV.replace('stolen', 'lost')], 'tickets.csv'));
  await expect.element(words).toBeVisible();
});

it('has no violation, in any width and theme', async () => {
  await review.click();
  await button(/^Add: Trim/).click();
  for (const theme of ['light', 'dark'])
    for (const width of [360, 1280]) {
      document.documentElement.dataset['theme'] = theme;
      await page.viewport(width, 800);
      expect(await violationsIn(panel.element())).toEqual([]);
      expect(panel.element().scrollWidth).toBeLessThanOrEqual(panel.element().clientWidth);
    }
  delete document.documentElement.dataset['theme'];
});
