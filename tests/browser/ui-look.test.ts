/** The tab Look, on the real data worker: rows of any number, searched, filtered, read by keyboard, and shown in full. */

import { flushSync, mount, unmount } from 'svelte';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { page, userEvent } from 'vitest/browser';
import { dataClient } from '../../src/client';
import { app } from '../../src/state/app.svelte';
import { cleanWithRecipe } from '../../src/state/cleaning.svelte';
import { data } from '../../src/state/data.svelte';
import { recipe } from '../../src/state/recipe.svelte';
import '../../src/ui/base/base.css';
import '../../src/ui/base/tokens.css';
import DataStage from '../../src/ui/data/DataStage.svelte';
import { violationsIn } from './accessibility';

let stage: Record<string, unknown>;
let stop: () => void;

beforeAll(() => {
  stage = mount(DataStage, { target: document.body });
  stop = cleanWithRecipe();
});
afterAll(() => {
  stop();
  app.open('data', 'map');
  void unmount(stage);
  dataClient.kill();
});
beforeEach(async () => {
  await data.close();
  recipe.reset();
  app.open('data', 'look');
  flushSync();
});

const rowsOf = (count: number): File => {
  const rows = Array.from(
    { length: count },
    (_, i) => `${i % 100 === 7 ? 'Refund' : 'Ticket'} no. ${i},${i % 3 === 0 ? 'Billing' : 'Other'}`,
  );
  return new File([['text,label', ...rows].join('\n')], 'tickets.csv');
};

const panel = page.getByRole('tabpanel', { name: 'Look' });
const grid = panel.getByRole('grid', { name: 'Rows' });
const status = panel.getByRole('status');
const search = panel.getByRole('searchbox', { name: 'Search' });
const current = () => grid.element().querySelector('[aria-selected="true"]')?.textContent;

it('shows a large number of rows with few of them in the page, by keyboard', async () => {
  await data.open(rowsOf(20_000));
  await expect.element(status).toHaveTextContent('20,000 rows');
  await expect.element(grid).toHaveAttribute('aria-rowcount', '20001');
  grid.element().focus();
  await userEvent.keyboard('{End}');
  await expect.poll(current).toMatch(/^20,001\s*Ticket no. 19999/);
  const last = grid.element().querySelector('[aria-selected="true"]');
  expect(last?.getAttribute('aria-rowindex')).toBe('20001');
  expect(grid.element().getAttribute('aria-activedescendant')).toBe(last?.id);
  await userEvent.keyboard('{ArrowUp}{ArrowUp}');
  await expect.poll(current).toMatch(/^19,999/);
  await userEvent.keyboard('{PageUp}{Home}{ArrowDown}');
  await expect.poll(current).toMatch(/^3\s*Ticket no. 1/);
  expect(grid.element().querySelectorAll('[role="row"]').length).toBeLessThan(60);
});

it('searches and filters, says how many rows match, and takes filters back', async () => {
  await data.open(rowsOf(5000));
  await search.fill('REFUND');
  await expect.element(status).toHaveTextContent('50 of 5,000 rows');
  await expect.element(grid).toHaveTextContent(/9\s*Refund no. 7/);
  await panel.getByText('Add a filter').click();
  await panel.getByRole('combobox', { name: 'Show rows where' }).selectOptions('A column is exactly');
  await panel.getByRole('combobox', { name: 'Column' }).selectOptions('label');
  await panel.getByRole('textbox', { name: 'Text' }).fill('Billing');
  await panel.getByRole('button', { name: 'Add filter' }).click();
  await expect.element(status).toHaveTextContent('16 of 5,000 rows');
  expect(await violationsIn(panel.element())).toEqual([]);
  await panel.getByRole('button', { name: 'Remove filter: “label” is “Billing”' }).click();
  await expect.element(status).toHaveTextContent('50 of 5,000 rows');
  await panel.getByRole('button', { name: 'Show all rows' }).click();
  await expect.element(status).toHaveTextContent(/^5,000 rows$/);
});

it('opens a row with all cells, and gives the focus back', async () => {
  await data.open(new File([`text,label,note\n${'word '.repeat(100)}end,Billing,secret\nb,Other,n`], 'rows.csv'));
  await expect.element(grid).toHaveTextContent('Billing');
  grid.element().focus();
  await userEvent.keyboard('{Enter}');
  const row = panel.getByRole('region', { name: 'Line 2' });
  await expect.element(row).toHaveTextContent(/word end.*note.*secret/);
  await expect.element(row.getByRole('heading')).toHaveFocus();
  expect(await violationsIn(row.element())).toEqual([]);
  await userEvent.keyboard('{Escape}');
  await expect.element(row).not.toBeInTheDocument();
  await expect.element(grid).toHaveFocus();
});

it('follows the data steps, and shows the rows of the file beside them', async () => {
  await data.open(new File(['text,label\n refund me,x\nmy card,y\nmy card,y\nthe app,x'], 'rows.csv'));
  await expect.element(status).toHaveTextContent('4 rows');
  await page.getByRole('region', { name: 'Clean' }).getByRole('button', { name: 'Apply all' }).click();
  await expect.element(status).toHaveTextContent('3 rows');
  await panel.getByRole('combobox', { name: 'Rows' }).selectOptions('as in the file');
  await expect.element(status).toHaveTextContent('4 rows');
});
