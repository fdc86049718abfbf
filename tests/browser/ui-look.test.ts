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
import { starterEncoding } from './starter-encoding';

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

it('counts over all rows what is opened, and shows the rows of a value', async () => {
  const rows = Array.from({ length: 400 }, (_, i) => {
    const billing = i % 4 !== 0;
    const country = i % 10 < (billing ? 8 : 1) ? 'DE' : 'FR';
    const text =
      i % 40 === 0 ? 'The parcel has not come and nobody answers my calls' : `I have question ${i} about item ${i * 7}`;
    return `${text},${billing ? 'Billing' : 'Refund'},${country}`;
  });
  await data.open(new File([['text,label,country', ...rows].join('\n')], 'rows.csv'));
  const section = (name: string) => panel.getByText(name, { exact: true });
  await section('Columns').click();
  await panel.getByRole('combobox', { name: 'Column', exact: true }).selectOptions('country: 100 % filled, 2 different');
  const values = panel.getByRole('table', { name: 'Most frequent values of country' });
  const germans = rows.filter((row) => row.endsWith(',DE')).length;
  await expect.element(values.getByRole('row', { name: new RegExp(`DE ${germans} ${germans / 4} %`) })).toBeVisible();
  await section('Class balance').click();
  const balance = panel.getByRole('table', { name: 'Class balance' });
  await expect.element(balance).toHaveTextContent(/Billing\s*300\s*75 %\s*Refund\s*100\s*25 %/);
  await section('Languages').click();
  await expect.element(panel.getByRole('table', { name: 'Languages' })).toHaveTextContent('English');
  await section('Near-duplicates').click();
  await expect.element(panel).toHaveTextContent('10 rows are in 1 group of nearly the same text.');
  await section('Bias check').click();
  await expect.element(panel).toHaveTextContent(/Check this: “country” differs between labels .*\(p < 0\.001\).* of “Billing”/);
  expect(await violationsIn(panel.element())).toEqual([]);
  await balance.getByRole('button', { name: 'Show the rows of Refund' }).click();
  await expect.element(status).toHaveTextContent('100 of 400 rows');
  await expect.element(grid).toHaveFocus();
});

it('counts again what is open when the rows change', async () => {
  await data.open(new File(['text,label\nrefund me,x\nmy card,y\nmy card,y\nmy app,x\nmy phone,x'], 'rows.csv'));
  await panel.getByText('Class balance', { exact: true }).click();
  const balance = panel.getByRole('table', { name: 'Class balance' });
  await expect.element(balance).toHaveTextContent(/x\s*3\s*60 %\s*y\s*2\s*40 %/);
  await page.getByRole('region', { name: 'Clean' }).getByRole('button', { name: 'Apply all' }).click();
  await expect.element(balance).toHaveTextContent(/x\s*3\s*75 %\s*y\s*1\s*25 %/);
});

it('shows a row in tokens, and compares the parts of the split', async () => {
  const rows = Array.from({ length: 300 }, (_, i) => `This is question ${i} of mine,Answer ${i},${i % 2 === 0 ? 'DE' : 'FR'}`);
  await data.open(new File([['prompt,completion,country', ...rows].join('\n')], 'rows.csv'));
  await data.encodeWith(await starterEncoding({ heldOutRatio: 0.3 }));
  await expect.element(grid).toHaveTextContent('This is question 4 of mine');
  grid.element().focus();
  await userEvent.keyboard('{ArrowDown}{ArrowDown}{ArrowDown}{ArrowDown}{Enter}');
  await panel.getByRole('button', { name: 'Show in tokens' }).click();
  const tokens = page.getByRole('region', { name: 'Tokens of the example' });
  await expect.element(tokens).toHaveTextContent('This is question 4 of mine');
  await panel.getByText('Parts alike?', { exact: true }).click();
  await expect.element(panel).toHaveTextContent('“country” differs between the parts no more than chance explains');
});
