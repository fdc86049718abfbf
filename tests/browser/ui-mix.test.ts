/** The tab Mix of the Data stage, on the real data worker: files that are added, weights, what can't be mixed in. */

import { flushSync, mount, unmount } from 'svelte';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { page, userEvent } from 'vitest/browser';
import { dataClient, keepClient, mixClient } from '../../src/client';
import { KeptDatasets } from '../../src/dataset/kept';
import { app } from '../../src/state/app.svelte';
import { data, type Encoding } from '../../src/state/data.svelte';
import { encodeOptions } from '../../src/state/encode-options';
import { kept } from '../../src/state/kept.svelte';
import { mixtures, openLabels } from '../../src/state/mixture.svelte';
import { encodingOf } from '../../src/state/objective';
import { recipe } from '../../src/state/recipe.svelte';
import { startFrom } from '../../src/state/start-from.svelte';
import DataStage from '../../src/ui/data/DataStage.svelte';
import type { RunView } from '../../workers/api';
import { violationsIn } from './accessibility';

let stage: Record<string, unknown>;
let tokenizer: Encoding['tokenizer'];

const rows = (topics: readonly string[], count: number) =>
  [
    'message,topic',
    ...Array.from({ length: count }, (_, i) => `Message ${i} of the day,${topics[i % topics.length] ?? ''}`),
  ].join('\n');
const fileOf = (name: string, text: string) => ({ path: name, file: new File([text], name) });
const OPEN = rows(['billing', 'praise'], 40);
const OTHER = rows(['billing', 'praise'], 200);

function encoding(): Encoding | null {
  const { value } = recipe;
  return value === null ? null : { tokenizer, options: encodeOptions(value, encodingOf(value.objective.kind)) };
}

/** The page would do this when the recipe or the data change. */
async function count(): Promise<void> {
  flushSync();
  const now = encoding();
  if (now === null) throw new Error('no encoding');
  await data.encodeWith(now);
  await mixtures.count(now, openLabels() ?? []);
}

async function open(): Promise<void> {
  await data.open(new File([OPEN], 'tickets.csv'));
  await data.remap({ format: 'text-label', roles: ['text', 'label'] });
  app.open('data', 'mix');
  await count();
}

beforeAll(async () => {
  const text = async (name: string): Promise<string> => (await fetch(`/models/starter-encoder/${name}`)).text();
  const [tokenizerJson, tokenizerConfig] = await Promise.all([text('tokenizer.json'), text('tokenizer_config.json')]);
  tokenizer = { tokenizerJson, tokenizerConfig, chatTemplate: null, generationConfig: null };
  data.encodingNow = encoding;
  stage = mount(DataStage, { target: document.body });
});
afterAll(async () => {
  data.encodingNow = () => null;
  void unmount(stage);
  for (const client of [dataClient, keepClient, mixClient]) client.kill();
  const store = new KeptDatasets();
  for (const { hash } of await store.list()) await store.delete(hash);
});
beforeEach(async () => {
  await data.close();
  recipe.reset();
  recipe.chooseObjective('classify');
  flushSync();
  await open();
});

it('keeps a file that is added, counts it like the open one, and says what a pass has of each', async () => {
  const panel = page.getByRole('tabpanel', { name: 'Mix' });
  await expect.element(panel.getByText(/One run can learn from several datasets/)).toBeVisible();
  await mixtures.addFiles([fileOf('other.csv', OTHER)]);
  await count();
  expect(kept.list.map(({ name }) => name)).toContain('other.csv');
  const items = page.getByRole('list', { name: 'Datasets of the run' }).getByRole('listitem');
  await expect.element(items.nth(0)).toHaveTextContent(/tickets\.csv, open/);
  await expect.element(items.nth(1)).toHaveTextContent(/180 examples for training, 20 held out/);
  await expect.element(items.nth(1)).toHaveTextContent(/180 examples in a pass/);
  expect(mixtures.sizeWith(256, data.stats ?? never())).toMatchObject({ parts: { train: 216, heldOut: 24 } });

  await userEvent.fill(items.nth(1).getByLabelText('Weight'), '0.5');
  flushSync();
  await expect.element(items.nth(1)).toHaveTextContent(/90 examples in a pass/);
  expect(mixtures.value?.others[0]?.weight).toBe(0.5);
  await userEvent.fill(items.nth(1).getByLabelText('Weight'), '-3');
  await expect.element(items.nth(1)).toHaveTextContent(/Change this: the weight must be a number from 0.01 to 100/);
  expect(mixtures.value?.others[0]?.weight).toBe(0.5);

  await page.getByRole('button', { name: 'As many examples of each' }).click();
  expect(mixtures.value?.others[0]?.weight).toBe(0.2);
  expect(await violationsIn(panel.element())).toEqual([]);

  const encoded = await mixtures.encode(mixtures.value, encoding() ?? never(), data.stats?.slots?.layout.names ?? []);
  expect(encoded.map(({ train, layout }) => [train.lines.length, layout?.names])).toEqual([[180, ['billing', 'praise']]]);
  await page.getByRole('button', { name: 'Take out other.csv' }).click();
  expect(recipe.at('mixture')).toBeNull();
});

it('leaves rows with other labels out, and says why data can’t be mixed in', async () => {
  await mixtures.addFiles([fileOf('more-labels.csv', rows(['billing', 'delivery'], 40))]);
  await count();
  const items = page.getByRole('list', { name: 'Datasets of the run' }).getByRole('listitem');
  await expect.element(items.nth(1)).toHaveTextContent(/18 examples for training, 2 held out, 20 rows not used/);
  expect(mixtures.blocker).toBeNull();

  await mixtures.addFiles([
    fileOf('texts.csv', ['text', ...Array.from({ length: 9 }, (_, i) => `A text of many words, number ${i}`)].join('\n')),
  ]);
  await count();
  expect(mixtures.blocker).toMatch(/^texts\.csv can’t be mixed in\. /);
  const { hash = '' } = mixtures.others[1] ?? {};
  mixtures.remove(hash);
  flushSync();
  expect(mixtures.blocker).toBeNull();
});

it('says that data of a recipe are no longer kept, and takes their file', async () => {
  const store = new KeptDatasets();
  await mixtures.addFiles([fileOf('gone.csv', OTHER.replaceAll('Message', 'Letter'))]);
  const [{ hash } = { hash: '' }] = mixtures.others;
  await store.delete(hash);
  await count();
  expect(mixtures.blocker).toBe(
    'gone.csv can’t be mixed in. This dataset is no longer kept in this browser. Open its file again.',
  );
  mixtures.setWeight(hash, 3);
  await mixtures.addFiles([fileOf('renamed.csv', OTHER.replaceAll('Message', 'Letter'))]);
  await count();
  expect(mixtures.blocker).toBeNull();
  expect(mixtures.others.map(({ name, weight }) => [name, weight])).toEqual([['gone.csv', 3]]);
});

function never(): never {
  throw new Error('not there');
}

it('leaves a run that carries on another one without the data that that one was mixed with', async () => {
  await mixtures.addFiles([fileOf('other.csv', OTHER)]);
  const run = { id: 'earlier', name: 'earlier run', checkpoints: [] } as unknown as RunView;
  startFrom.choose(run);
  expect(mixtures.value).not.toBeNull();
  startFrom.carryOn(run);
  expect([recipe.at('mixture'), recipe.at('init')]).toEqual([null, { run: 'earlier', name: 'earlier run', step: null }]);
});

it('encodes for a run that starts while the data are counted', async () => {
  await mixtures.addFiles([fileOf('other.csv', OTHER)]);
  const [now, labels] = [encoding() ?? never(), openLabels() ?? []];
  const counting = mixtures.count(now, labels);
  const starting = mixtures.encode(mixtures.value, now, labels);
  await counting;
  expect((await starting).map(({ train }) => train.lines.length)).toEqual([180]);
});
