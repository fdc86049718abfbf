/** The tab Split of the Data stage, on the real data worker: ways to split, what each part has, and texts that stand in two parts. */

import { flushSync, mount, unmount } from 'svelte';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { page } from 'vitest/browser';
import { dataClient } from '../../src/client';
import { app } from '../../src/state/app.svelte';
import { cleanWithRecipe } from '../../src/state/cleaning.svelte';
import { data, type Encoding } from '../../src/state/data.svelte';
import { encodingOf } from '../../src/state/objective';
import { recipe } from '../../src/state/recipe.svelte';
import DataStage from '../../src/ui/data/DataStage.svelte';
import { violationsIn } from './accessibility';

let stage: Record<string, unknown>;
let stop: () => void;
let tokenizer: Encoding['tokenizer'];

const TOPICS = ['billing', 'shipping', 'account'];

/** 60 tickets of 12 customers. The last six repeat the first ones; the topic `angry` is there four times. */
const CSV = [
  'customer,day,message,topic,set',
  ...Array.from({ length: 60 }, (_, i) => {
    const text = `Ticket about matter ${i % 54} which nobody has solved since week ${(i * 7) % 54}`;
    const topic = (i % 54) % 20 === 3 ? 'angry' : (TOPICS[i % 3] ?? '');
    const day = `2024-0${1 + Math.floor(i / 20)}-${String(1 + (i % 20)).padStart(2, '0')}`;
    return [`c${i % 12}`, day, text, topic, ['train', 'train', 'train', 'dev', 'test'][i % 5]].join(',');
  }),
].join('\n');

/** The page would do this for a model that is chosen. */
function encoding(): Encoding | null {
  const { value } = recipe;
  if (value === null) return null;
  const { sequenceLength, heldOutRatio, testRatio, split, seed, lossOn, dataSteps, objective } = value;
  const own = encodingOf(objective.kind);
  return {
    tokenizer,
    options: { sequenceLength, heldOutRatio, testRatio, split, seed, lossOn, dataSteps, ...(own && { encoding: own }) },
  };
}

async function count(): Promise<void> {
  flushSync();
  const now = encoding();
  if (now !== null) await data.encodeWith(now);
}

beforeAll(async () => {
  const text = async (name: string): Promise<string> => (await fetch(`/models/starter-encoder/${name}`)).text();
  const [tokenizerJson, tokenizerConfig] = await Promise.all([text('tokenizer.json'), text('tokenizer_config.json')]);
  tokenizer = { tokenizerJson, tokenizerConfig, chatTemplate: null, generationConfig: null };
  data.encodingNow = encoding;
  stage = mount(DataStage, { target: document.body });
  stop = cleanWithRecipe();
});
afterAll(() => {
  stop();
  data.encodingNow = () => null;
  void unmount(stage);
  dataClient.kill();
});
beforeEach(async () => {
  await data.close();
  recipe.reset();
  recipe.chooseObjective('classify');
  flushSync();
  await data.open(new File([CSV], 'tickets.csv'));
  await data.remap({ format: 'text-label', roles: ['ignore', 'ignore', 'text', 'label', 'ignore'] });
  app.open('data', 'split');
  await count();
});

const panel = page.getByRole('tabpanel', { name: 'Split' });
const parts = panel.getByRole('region', { name: 'Parts of the data' });
const leaks = panel.getByRole('region', { name: /^Texts in two parts/ });

async function sizesAre(...sizes: readonly number[]): Promise<void> {
  for (const [i, size] of sizes.entries())
    await expect
      .element(
        parts
          .getByRole('row')
          .nth(i + 1)
          .getByRole('cell')
          .nth(1),
      )
      .toHaveTextContent(String(size));
}

async function choose(name: string): Promise<void> {
  await panel.getByRole('radio', { name, exact: true }).click();
  await count();
}

it('shows the parts, and takes each way to split with a column that suits it', async () => {
  await sizesAre(54, 6, 0);
  recipe.set('testRatio', 0.2);
  await count();
  await sizesAre(42, 6, 12);
  await choose('By group');
  expect(recipe.value?.split).toEqual({ kind: 'group', column: 'customer', leaks: 'report' });
  await expect.element(panel.getByRole('combobox', { name: 'Keep together rows with the same' })).toHaveValue('customer');
  await sizesAre(45, 5, 10);
  await choose('By time');
  expect(recipe.value?.split).toEqual({ kind: 'time', column: 'day', leaks: 'report' });
  await choose('At random');
  expect(recipe.value?.split).toEqual({ kind: 'random', leaks: 'report' });
  expect(await violationsIn(panel.element())).toEqual([]);
});

it('offers the column that names the parts, and does not take it by itself', async () => {
  expect(recipe.value?.split.kind).toBe('random');
  await panel.getByRole('button', { name: 'Split by “set”' }).click();
  await count();
  expect(recipe.value?.split).toEqual({ kind: 'column', column: 'set', leaks: 'report' });
  await sizesAre(36, 12, 12);
  await expect.element(panel.getByRole('button', { name: 'Split by “set”' })).not.toBeInTheDocument();
});

it('tells that a label is missing in a part, and balances the parts', async () => {
  recipe.set('seed', 5);
  await count();
  await expect.element(panel).toHaveTextContent('1 label is missing in Validation: “angry”.');
  await panel.getByRole('button', { name: 'Balance the parts by label' }).click();
  await count();
  await expect.element(panel).not.toHaveTextContent('is missing in');
  const row = panel.getByRole('region', { name: 'Examples of each label by part' }).getByRole('row', { name: /^angry/ });
  await expect.element(row).toHaveTextContent(/^angry\s*3\s*1\s*0$/);
});

it('says which texts stand in two parts, and leaves them out of training', async () => {
  recipe.set('heldOutRatio', 0.4);
  await count();
  const found = /^(\d+) of 24 validation rows also stand in training, \1 exactly/;
  await expect.element(leaks.getByRole('status')).toHaveTextContent(found);
  const status = leaks.getByRole('status').element().textContent ?? '';
  const leaking = Number(found.exec(status.trim())?.[1]);
  await leaks.getByText('Rows that leak').click();
  const rows = leaks.getByRole('table').getByRole('row');
  await expect.element(rows.nth(leaking)).toHaveTextContent(/^Validation.*the same/);
  await leaks.getByRole('button', { name: `Leave ${leaking} rows out of training` }).click();
  await count();
  await sizesAre(36 - leaking, 24, 0);
  await expect.element(panel).toHaveTextContent(`${leaking} examples for training are left out`);
  await leaks.getByRole('button', { name: 'Train on all rows again' }).click();
  await count();
  await sizesAre(36, 24, 0);
  await leaks.getByRole('button', { name: 'Drop duplicates in all rows' }).click();
  flushSync();
  await expect.poll(() => data.view?.examples).toBe(54);
  await expect.element(leaks.getByRole('status')).toHaveTextContent('No text of the validation rows also stands in training.');
});

it('says what data lack for a way to split, and what is wrong with a column', async () => {
  await data.open(
    new File([`text\n${Array.from({ length: 20 }, (_, i) => `a text about matter ${i}`).join('\n')}`], 'plain.csv'),
  );
  recipe.chooseObjective('sft');
  await count();
  await expect.element(panel.getByRole('radio', { name: 'By time' })).toBeDisabled();
  await expect.element(panel).toHaveTextContent('Not possible: no column has dates or times in all rows.');
  recipe.set('split', { kind: 'group', column: 'customer', leaks: 'report' });
  await count();
  await expect.element(page.getByRole('alert')).toHaveTextContent('The data have no column “customer”');
  await choose('At random');
  await expect.element(page.getByRole('alert')).not.toBeInTheDocument();
  await sizesAre(18, 2, 0);
});
