/** A recipe with data steps: the tokens are those that the file and the recipe give after a reload, in another profile and elsewhere. */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Preparation } from '../../src/batch/preparation';
import { parseRecipe, type Recipe } from '../../src/recipe/recipe';
import { filesOf } from '../unit/tokenizer-files';
import { file, folder, launchBrowser, openPage, openWorld, quickRecipe, trainToEnd, type World } from './world';

let browser: Browser;
beforeAll(async () => (browser = await launchBrowser()));
afterAll(() => browser.close());

const dataSteps = parseRecipe({
  dataSteps: [
    ...[
      { kind: 'mojibake' },
      { kind: 'html' },
      { kind: 'normalise', spaces: 'single' },
      { kind: 'trim' },
      { kind: 'merge-labels' },
    ],
    ...[{ kind: 'mask-personal' }, { kind: 'drop-duplicates' }, { kind: 'keep-some', rows: 50 }],
  ],
}).dataSteps;

/** 60 tickets with what the steps repair; every third one is repeated with another spelling of its label. */
const csv = ['text,label']
  .concat(
    Array.from({ length: 60 }, (_, i) => `<p>Ticket  number ${i} of cafÃ© owner${i}@example.com</p>,Billing`),
    Array.from({ length: 20 }, (_, i) => ` Ticket number ${3 * i} of café owner${3 * i}@example.com,billing `),
  )
  .join('\n');

/** The recipe of every run in the page's store. */
async function recipesOf(page: Page): Promise<readonly unknown[]> {
  return page.evaluate(async () => {
    const answer = <T>(request: IDBRequest<T>): Promise<T> =>
      new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(new Error(request.error?.message));
      });
    const names = (await indexedDB.databases()).flatMap(({ name }) => (name === undefined ? [] : [name]));
    const stores = await Promise.all(names.map((name) => answer(indexedDB.open(name))));
    const store = stores.find((one) => one.objectStoreNames.contains('runs'));
    const runs: unknown = store === undefined ? [] : await answer(store.transaction('runs').objectStore('runs').getAll());
    return (runs as readonly { recipe: unknown }[]).map(({ recipe }) => recipe);
  });
}

/** The tokens that a run trains on. */
async function tokensOf(world: World): Promise<object> {
  const seen = world.recorder.events.length;
  await trainToEnd(world);
  const { hash, train, heldOut } = await world.recorder.next('encoded', 1000, seen);
  return { hash, train, heldOut };
}

it('gives the same tokens after a reload, in another profile and outside of the page', async () => {
  const recipe: Recipe = parseRecipe({ ...quickRecipe, maxSteps: 2, dataSteps });
  const path = file(folder(), 'recipe.json', JSON.stringify(recipe));
  const data = file(folder(), 'tickets.csv', csv);
  const elsewhere = new Preparation();
  await elsewhere.open(new File([readFileSync(data)], 'tickets.csv'));
  await elsewhere.setTokenizer(filesOf('starter'));
  const { hash, train, heldOut } = await elsewhere.encode(recipe);
  const tokens = { hash, train: train.lines.length, heldOut: heldOut.lines.length };

  const first = await openWorld(browser, 'wasm');
  await first.person.dropData(data);
  await first.recorder.next('data', 30_000);
  await first.person.pickRecipe(path);
  const cleaned = () => first.recorder.events.filter(({ event }) => event === 'data').length > 1;
  await first.recorder.until(cleaned, 30_000, 'cleaned data');
  expect(first.recorder.events.filter(({ event }) => event === 'data')).toMatchObject([
    { examples: 80, rejected: 0 },
    { examples: 50, rejected: 30 },
  ]);
  expect(await tokensOf(first)).toEqual(tokens);

  const reloaded = await openPage(first.context, 'wasm');
  // The file is kept: it is open again before it is dropped.
  await expect.poll(() => reloaded.person.stage('Data').innerText()).toContain('tickets.csv');
  await reloaded.person.dropData(data);
  await expect.poll(() => reloaded.person.stage('Data').innerText()).toContain('50 usable · 8 steps applied');
  expect(await tokensOf(reloaded)).toEqual(tokens);

  const [run] = await recipesOf(reloaded.page);
  expect(run).toMatchObject({ data: { name: 'tickets.csv', hash: createHash('sha256').update(csv).digest('hex') } });

  const other = await openWorld(browser, 'wasm');
  await other.person.pickRecipe(path);
  await other.person.dropData(data);
  expect(await tokensOf(other)).toEqual(tokens);
});
