/** A recipe with data steps: the run's record has the steps, and the tokens are those that the file and the recipe give elsewhere. */

import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Preparation } from '../../src/batch/preparation';
import { parseRecipe, type Recipe } from '../../src/recipe/recipe';
import { filesOf } from '../unit/tokenizer-files';
import { file, folder, launchBrowser, openWorld, quickRecipe, trainToEnd } from './world';

let browser: Browser;
beforeAll(async () => (browser = await launchBrowser()));
afterAll(() => browser.close());

const dataSteps: Recipe['dataSteps'] = [{ kind: 'trim' }, { kind: 'merge-labels' }, { kind: 'drop-duplicates' }];

/** 60 tickets; every third one is repeated with another spelling of its label. */
const csv = ['text,label']
  .concat(
    Array.from({ length: 60 }, (_, i) => `Ticket number ${i},Billing`),
    Array.from({ length: 20 }, (_, i) => ` Ticket number ${3 * i},billing `),
  )
  .join('\n');

/** Hash of the data and steps of every run in the page's store. */
async function runsOf(page: Page): Promise<unknown> {
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
    return (runs as readonly { datasetHash: string; recipe: { dataSteps: unknown } }[]).map(({ datasetHash, recipe }) => ({
      ...{ datasetHash, dataSteps: recipe.dataSteps },
    }));
  });
}

it('gives the tokens of a recipe file that is read after the data, in the page as elsewhere', async () => {
  const recipe = { ...quickRecipe, maxSteps: 2, dataSteps };
  const path = file(folder(), 'recipe.json', JSON.stringify(recipe));
  const data = file(folder(), 'tickets.csv', csv);
  const world = await openWorld(browser, 'wasm');
  await world.person.dropData(data);
  await world.recorder.next('data', 30_000);
  await world.person.pickRecipe(path);
  await world.recorder.until(
    () => world.recorder.events.filter(({ event }) => event === 'data').length > 1,
    30_000,
    'cleaned data',
  );
  const shown = world.recorder.events.filter(({ event }) => event === 'data');
  expect(shown).toMatchObject([
    { examples: 80, rejected: 0 },
    { examples: 60, rejected: 20 },
  ]);
  await trainToEnd(world);

  const elsewhere = new Preparation();
  await elsewhere.open(new File([readFileSync(data)], 'tickets.csv'));
  await elsewhere.setTokenizer(filesOf('starter'));
  const { hash } = await elsewhere.encode(parseRecipe(recipe));
  expect(await runsOf(world.page)).toEqual([{ datasetHash: hash, dataSteps }]);

  await world.page.reload();
  await world.person.dropData(data);
  await expect.poll(() => world.person.stage('Data').innerText()).toContain('60 usable · 3 steps applied');
});
