/** Data that this browser keeps: in the real private file system, by the real workers. */

import { flushSync, mount, unmount } from 'svelte';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { page, userEvent } from 'vitest/browser';
import { dataClient, keepClient } from '../../src/client';
import { cleanWithRecipe } from '../../src/state/cleaning.svelte';
import { data } from '../../src/state/data.svelte';
import { kept } from '../../src/state/kept.svelte';
import { chooseRole } from '../../src/state/mapping.svelte';
import { recipe } from '../../src/state/recipe.svelte';
import { recall } from '../../src/state/storage';
import DataStage from '../../src/ui/data/DataStage.svelte';
import { KeptDatasets } from '../../src/dataset/kept';
import { codeOf } from '../../src/core/errors';
import { violationsIn } from './accessibility';

let stage: Record<string, unknown>;
let stops: (() => void)[] = [];

beforeAll(() => {
  stage = mount(DataStage, { target: document.body });
  stops = [cleanWithRecipe(), kept.start()];
  flushSync();
  document.querySelectorAll('details').forEach((details) => (details.open = true));
});
afterAll(() => {
  for (const stop of stops) stop();
  void unmount(stage);
  dataClient.kill();
  keepClient.kill();
});
beforeEach(async () => {
  await kept.refresh();
  for (const { hash } of kept.list) await kept.remove(hash);
  await kept.choose(true);
  await data.close();
  recipe.reset();
  flushSync();
});
afterEach(() => vi.restoreAllMocks());

const CSV = 'text,note,label\n a b ,x,one\n"c, d",y,two\ne f,z,one\ng h,w,two\n';
const file = (text = CSV, name = 'tickets.csv') => new File([text], name);
const steps = () => recipe.value?.dataSteps.map(({ kind }) => kind);
const roles = () => data.view?.columns.map(({ role }) => role);
const row = (name: string) => page.getByRole('listitem').filter({ hasText: name });

/** Opens a file, and waits until it is kept. */
async function openAndKeep(one: File): Promise<void> {
  await data.open(one);
  await expect.poll(() => kept.find(kept.current ?? '')?.hash).toBe(data.view?.hash);
}

/** Changes columns and steps, and waits until that is stored. */
async function change(): Promise<void> {
  await chooseRole(1, 'context');
  recipe.set('dataSteps', [{ kind: 'trim' }]);
  await expect.poll(() => kept.list[0]?.dataSteps.length).toBe(1);
}

it('opens the last dataset again with its columns and steps', async () => {
  await openAndKeep(file());
  await change();
  const hash = data.view?.hash;
  // What a reload leaves: the draft of the recipe and the name of the dataset are stored, the state is not.
  await data.close();
  dataClient.kill();
  keepClient.kill();
  expect(recall('dataset')).toBe(hash);
  await data.restore();
  expect(data.view).toMatchObject({ hash, name: 'tickets.csv', examples: 4 });
  expect([roles(), steps()]).toEqual([['text', 'context', 'label'], ['trim']]);
  expect(data.view?.head[0]).toMatchObject({ messages: [{ content: 'a b\nx' }, { content: 'one' }] });
});

it('knows the same content again, and another content of the name as a new version', async () => {
  await openAndKeep(file());
  await change();
  recipe.reset();
  await openAndKeep(file(`${CSV}more,z,one\n`));
  expect(kept.list.map(({ version, rows }) => [version, rows])).toEqual([
    [2, 5],
    [1, 4],
  ]);
  await openAndKeep(file(CSV, 'renamed.csv'));
  await expect.poll(steps).toEqual(['trim']);
  expect(roles()).toEqual(['text', 'context', 'label']);
  expect(kept.list).toHaveLength(2);
  await page.getByRole('button', { name: 'Start afresh' }).click();
  await expect.poll(roles).toEqual(['text', 'ignore', 'label']);
  expect(steps()).toEqual([]);
});

it('lists, opens, renames and deletes by keyboard', async () => {
  await openAndKeep(file());
  await change();
  await openAndKeep(file('text\nOnly a text\nAnd another one\n', 'texts.csv'));
  await expect.element(row('tickets.csv')).toHaveTextContent(/4 rows · Sort into categories · 1 data step · 61 bytes/);
  await row('tickets.csv').getByRole('button', { name: 'Open' }).click();
  await expect.poll(() => data.view?.name).toBe('tickets.csv');
  expect(steps()).toEqual(['trim']);
  await expect.poll(() => kept.list.map(({ name }) => name)).toEqual(['tickets.csv', 'texts.csv']);
  row('texts.csv').getByRole('button', { name: 'Rename' }).element().focus();
  await userEvent.keyboard('{Enter}');
  await expect.element(page.getByRole('textbox', { name: 'Name of texts.csv' })).toHaveFocus();
  await userEvent.keyboard('{Control>}a{/Control}Diary{Enter}');
  await expect.element(row('Diary')).toBeVisible();
  await row('Diary').getByRole('button', { name: 'Delete' }).click();
  await row('Diary')
    .getByRole('button', { name: /^Delete \d+ bytes/ })
    .click();
  await expect.poll(() => kept.list.map(({ name }) => name)).toEqual(['tickets.csv']);
  await row('tickets.csv').getByRole('button', { name: 'Delete' }).click();
  await row('tickets.csv')
    .getByRole('button', { name: /^Close and delete/ })
    .click();
  await expect.poll(() => [kept.list.length, data.view, recall('dataset')]).toEqual([0, null, null]);
});

it('keeps nothing when it is not wanted, and large data only when they are', async () => {
  await page.getByRole('checkbox', { name: 'Keep data that I open' }).click();
  await data.open(file());
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect([kept.list, kept.current, recall('dataset')]).toEqual([[], null, null]);
  await page.getByRole('checkbox', { name: 'Keep data that I open' }).click();
  await expect.poll(() => kept.list.length).toBe(1);
  vi.spyOn(File.prototype, 'size', 'get').mockReturnValue(600e6);
  await data.open(file('text\nOnly a text\nAnd another\n', 'large.csv'));
  await expect.element(page.getByText(/large\.csv has 600 MB, so it is not kept/)).toBeVisible();
  vi.restoreAllMocks();
  await page.getByRole('button', { name: 'Keep 600 MB' }).click();
  await expect.poll(() => kept.list.length).toBe(2);
});

it('is refused in words when there is no space, and is whole or not there', async () => {
  const root = `test-${crypto.randomUUID()}`;
  const store = new KeptDatasets(root);
  const use = { name: 'b.csv', rows: 1, examples: 1, task: 'text', mapping: null, dataSteps: [], usedAt: 1 } as const;
  const files = [
    { path: 'a/b.csv', file: new Blob(['text\nOne\n']), split: 'test' as const },
    { path: 'c.csv', file: new Blob(['text\nTwo\n']) },
  ];
  const estimate = vi.spyOn(navigator.storage, 'estimate').mockResolvedValue({ quota: 1000, usage: 999 });
  const refused = await store.keep('h', files, use).catch((error: unknown) => error);
  expect([codeOf(refused), String(refused)]).toEqual([
    'store/quota',
    expect.stringMatching(
      /not enough storage space for a copy of b\.csv: it needs 18 bytes\. Delete old runs, kept models or kept data/,
    ),
  ]);
  expect(await store.list()).toEqual([]);
  estimate.mockRestore();
  expect(await store.keep('h', files, use)).toMatchObject({ ...use, hash: 'h', bytes: 18, files: 2, version: 1 });
  const opened = await store.open('h');
  expect(await Promise.all(opened.map(async ({ file: one, ...rest }) => ({ ...rest, text: await one.text() })))).toEqual([
    { path: 'a/b.csv', split: 'test', text: 'text\nOne\n' },
    { path: 'c.csv', text: 'text\nTwo\n' },
  ]);
  const folder = await (await (await navigator.storage.getDirectory()).getDirectoryHandle(root)).getDirectoryHandle('h');
  await folder.removeEntry('file-1');
  expect([await store.list(), codeOf(await store.open('h').catch((error: unknown) => error))]).toEqual([[], 'store/corrupt']);
  await (await navigator.storage.getDirectory()).removeEntry(root, { recursive: true });
});

it('says why the open data are not kept', async () => {
  vi.spyOn(keepClient, 'call').mockRejectedValue(new Error('There is not enough storage space for a copy of b.csv.'));
  await data.open(file('text\nOnly a text\nAnd another\n', 'b.csv'));
  await expect
    .element(page.getByRole('alert'))
    .toHaveTextContent(/Kept data: There is not enough storage space for a copy of b\.csv/);
  expect(data.view?.name).toBe('b.csv');
});

it('has no violation, also where the page is narrow', async () => {
  await openAndKeep(file());
  await expect.element(row('tickets.csv')).toBeVisible();
  const list = row('tickets.csv').element().closest('details') ?? document.body;
  for (const width of [360, 1280]) {
    await page.viewport(width, 800);
    expect(await violationsIn(list)).toEqual([]);
    expect(list.scrollWidth).toBeLessThanOrEqual(list.clientWidth);
  }
});
