/** Several files on the Data stage, with the real data worker: dropped together, a folder, and files added to the open dataset. */

import { mount, unmount } from 'svelte';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { page, userEvent } from 'vitest/browser';
import { dataClient } from '../../src/client';
import { data } from '../../src/state/data.svelte';
import { recipe } from '../../src/state/recipe.svelte';
import '../../src/ui/base/base.css';
import '../../src/ui/base/tokens.css';
import DataStage from '../../src/ui/data/DataStage.svelte';
import { violationsIn } from './accessibility';

let stage: Record<string, unknown>;

beforeAll(async () => {
  stage = mount(DataStage, { target: document.body });
  await data.restore();
});
afterAll(() => {
  void unmount(stage);
  dataClient.kill();
});
beforeEach(() => data.close());

const TRAIN = 'question,answer\nWhere is the lamp?,In the tower.\nWho lights it?,The keeper.\n,Nobody asked.\n';
const MORE = '{"question": "When?", "answer": "At dusk."}\n';
const files = () => page.getByRole('table', { name: 'Files' });

/** Drops files on the zone, as a browser does. */
function drop(...dropped: readonly File[]): void {
  const transfer = new DataTransfer();
  for (const file of dropped) transfer.items.add(file);
  const zone = page.getByRole('button', { name: /^Drop a data file here/ }).element();
  zone.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }));
}

it('makes one table of three dropped files, and names the file of a row that is left out', async () => {
  drop(new File([TRAIN], 'lamp.csv'), new File([MORE], 'more.jsonl'), new File([''], 'empty.csv'));
  await expect.element(page.getByRole('heading', { name: '2 files' })).toBeVisible();
  await expect.element(page.getByText('1 of 3 files left out')).toBeVisible();
  await expect.element(files().getByRole('row', { name: /more\.jsonl/ })).toHaveTextContent('1');
  await expect.element(files().getByRole('row', { name: /empty\.csv/ })).toHaveTextContent('Left out. This file is empty');
  const left = page.getByRole('table', { name: 'Rows left out' }).getByRole('row');
  await expect.element(left.nth(1)).toHaveTextContent(/^lamp\.csv 4/);
  expect(data.view?.columns.map(({ name, role }) => [name, role])).toEqual([
    ...[
      ['question', 'user'],
      ['answer', 'assistant'],
    ],
    ['file', 'ignore'],
  ]);
  expect(await violationsIn(document.body)).toEqual([]);
});

it('reads a folder: its name, the folders as labels, and hidden files left out', async () => {
  const paths = ['mail/Billing/1.txt', 'mail/Billing/2.txt', 'mail/Refund/1.txt', 'mail/Refund/2.txt', 'mail/.DS_Store'];
  const input = page.getByLabelText('Data folder').element() as HTMLInputElement;
  const transfer = new DataTransfer();
  for (const path of paths) transfer.items.add(new File([`Text of ${path}`], path.split('/').at(-1) ?? ''));
  // Only the dialog of a browser gives files their place in the folder.
  const placed = [...transfer.files].map((file, i) => Object.defineProperty(file, 'webkitRelativePath', { value: paths[i] }));
  Object.defineProperty(input, 'files', { value: placed, configurable: true });
  input.dispatchEvent(new Event('change', { bubbles: true }));
  await expect.element(page.getByRole('heading', { name: 'mail' })).toBeVisible();
  await expect.element(files().getByRole('row', { name: /DS_Store/ })).toHaveTextContent('It is a hidden file.');
  expect(data.view?.columns.map(({ name, role }) => [name, role])).toEqual([
    ...[
      ['text', 'text'],
      ['label', 'label'],
    ],
    ['file', 'ignore'],
  ]);
});

it('adds a test file to the open dataset, and says what its rows are for', async () => {
  drop(new File([TRAIN], 'lamp.csv'));
  await expect.element(page.getByRole('heading', { name: 'lamp.csv' })).toBeVisible();
  await page.getByRole('button', { name: 'Add a test file' }).click();
  await userEvent.upload(page.getByLabelText('Rows for the test'), new File([MORE], 'more.jsonl'));
  await expect.element(page.getByRole('heading', { name: '2 files' })).toBeVisible();
  await page.getByText('one table', { exact: true }).click();
  await expect.element(files().getByRole('row', { name: /more\.jsonl/ })).toHaveTextContent('Test');
  await expect.element(files().getByRole('row', { name: /lamp\.csv/ })).toHaveTextContent('Training');
  expect([recipe.at('split.kind'), recipe.at('split.column')]).toEqual(['column', 'split']);
  const rows = await data.ask((api) => api.rows());
  expect(rows?.rows.map(({ cells }) => cells.slice(2))).toEqual([
    ...[...Array<undefined>(3)].map(() => ['lamp.csv', 'train']),
    ['more.jsonl', 'test'],
  ]);
});

it('offers to split by files whose names say what they are for', async () => {
  recipe.set('split.kind', 'random');
  drop(new File([TRAIN], 'train.csv'), new File([MORE], 'dev.jsonl'));
  await page.getByRole('button', { name: 'Split by file' }).click();
  expect([recipe.at('split.kind'), recipe.at('split.column')]).toEqual(['column', 'split']);
  await expect.element(page.getByRole('button', { name: 'Split by file' })).not.toBeInTheDocument();
});

it.each(['rules.docx', 'book.pdf'])('reads %s in the worker', async (name) => {
  const response = await fetch(`/tests/unit/fixtures/datasets/documents/${name}`);
  drop(new File([await response.blob()], name));
  await expect.element(page.getByRole('heading', { name })).toBeVisible();
  expect([data.view?.format, data.view?.leftOut]).toEqual(['text', 0]);
  expect(data.view?.examples).toBe(name === 'book.pdf' ? 99 : 6);
});
