/** The data saved from the Data stage, by the real data worker: the file that the browser is given. */

import { mount, unmount } from 'svelte';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { page } from 'vitest/browser';
import { dataClient } from '../../src/client';
import { data } from '../../src/state/data.svelte';
import { recipe } from '../../src/state/recipe.svelte';
import DataStage from '../../src/ui/data/DataStage.svelte';
import { violationsIn } from './accessibility';

let stage: Record<string, unknown>;
let given: { readonly name: string; readonly text: Promise<string> }[] = [];

beforeEach(async () => {
  given = [];
  stage = mount(DataStage, { target: document.body });
  // What a click on a link with `download` would save.
  Object.defineProperty(HTMLAnchorElement.prototype, 'click', {
    configurable: true,
    value(this: HTMLAnchorElement) {
      given.push({ name: this.download, text: fetch(this.href).then((response) => response.text()) });
    },
  });
  recipe.reset();
  await data.open(new File(['text,label\n"one, two",a\n=1+1,b\nlast,a\n'], 'tickets.csv'));
  await page.getByText('Save the data').click();
});
afterEach(async () => {
  Reflect.deleteProperty(HTMLAnchorElement.prototype, 'click');
  await data.close();
  void unmount(stage);
  dataClient.kill();
});

const save = (name: string) => page.getByRole('button', { name: `Save as ${name}` });

it('saves rows and examples, and says under which name', async () => {
  await save('JSONL').click();
  await expect.element(page.getByText('Saved as tickets.jsonl.')).toBeVisible();
  await save('CSV').click();
  await expect.element(page.getByText('Saved as tickets.csv.')).toBeVisible();
  await save('Examples').click();
  await expect.element(page.getByText('Saved as tickets-examples.jsonl.')).toBeVisible();
  await save('Parquet').click();
  await expect.element(page.getByText('Saved as tickets.parquet.')).toBeVisible();
  expect(given.map(({ name }) => name)).toEqual(['tickets.jsonl', 'tickets.csv', 'tickets-examples.jsonl', 'tickets.parquet']);
  const [lines, table, examples, parquet] = await Promise.all(given.map(({ text }) => text));
  expect(lines?.split('\n')[0]).toBe('{"text": "one, two", "label": "a"}');
  expect(table).toBe('text,label\n"one, two",a\n=1+1,b\nlast,a\n');
  expect(JSON.parse(examples?.split('\n')[1] ?? '')).toEqual({
    messages: [
      { role: 'user', content: '=1+1' },
      { role: 'assistant', content: 'b' },
    ],
  });
  expect(parquet?.slice(0, 4)).toBe('PAR1');
});

it('has no violation, also where the page is narrow', async () => {
  for (const width of [360, 1280]) {
    await page.viewport(width, 800);
    const panel = save('JSONL').element().closest('details') ?? document.body;
    expect(await violationsIn(panel)).toEqual([]);
    expect(panel.scrollWidth).toBeLessThanOrEqual(panel.clientWidth);
  }
});
