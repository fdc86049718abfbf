/** The panel in which a model writes examples, with the starter on the processor: written, judged, chosen, added to the data. */

import { mount, unmount } from 'svelte';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { page } from 'vitest/browser';
import { dataClient, trainClient } from '../../src/client';
import { app } from '../../src/state/app.svelte';
import { data } from '../../src/state/data.svelte';
import { device } from '../../src/state/device.svelte';
import { model } from '../../src/state/model.svelte';
import { writing } from '../../src/state/writing.svelte';
import '../../src/ui/base/base.css';
import '../../src/ui/base/tokens.css';
import DataStage from '../../src/ui/data/DataStage.svelte';
import { violationsIn } from './accessibility';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const SUBJECTS = ['parcel', 'invoice', 'refund', 'password', 'account', 'delivery'];
const CSV = [
  'body,topic',
  ...SUBJECTS.map((subject, i) => `Please tell me where my ${subject} is and when it comes,${i % 2 === 0 ? 'Order' : 'Other'}`),
  ...SUBJECTS.map((subject, i) => `I have waited ten days for the ${subject} of my friend,${i % 2 === 0 ? 'Order' : 'Other'}`),
].join('\n');

let stage: Record<string, unknown>;

beforeAll(async () => {
  localStorage.clear();
  await Promise.all([device.open('wasm'), model.restore()]);
  await data.open(new File([CSV], 'tickets.csv'));
  location.hash = '#data';
  app.open('data', 'clean');
  stage = mount(DataStage, { target: document.body });
});
afterAll(() => {
  void unmount(stage);
  for (const client of [dataClient, trainClient]) client.kill();
});

const panel = page.getByRole('tabpanel', { name: 'Clean' });
const button = (name: string) => panel.getByRole('button', { name });
const box = (name: string) => panel.getByRole('combobox', { name });

it('writes examples for the label that is chosen, and says of each why it is rejected', async () => {
  await panel.getByText('Write more examples with the model').click();
  await box('For which label').selectOptions('Order (6 rows)');
  await panel.getByRole('spinbutton', { name: 'How many' }).fill('2');
  await button('Write examples').click();
  await expect.poll(() => writing.doing, { timeout: 60_000 }).toBeNull();
  expect(writing.failure).toBeNull();
  expect(writing.list.length).toBeGreaterThanOrEqual(2);
  expect(writing.list.length).toBeLessThanOrEqual(6);
  for (const { output, cells } of writing.list) if (cells !== null) expect([output, cells['topic']]).toEqual(['Order', 'Order']);
  const rows = page.getByRole('table', { name: 'Examples that the model wrote' });
  await expect.element(rows).toHaveTextContent(writing.list[0]?.reason ?? 'accepted');
  expect(await violationsIn(panel.element())).toEqual([]);
});

it('adds the ones that are kept to the data, marked, and keeps the use of the columns', async () => {
  // What the small starter writes may all be rejected; its first text is kept by hand.
  const first = writing.list.find(({ cells }) => cells !== null);
  expect(first).toBeDefined();
  for (const { id } of writing.list) writing.keep(id, false);
  await panel.getByRole('checkbox', { name: `Keep example ${first?.id ?? 0}` }).click();
  const line = JSON.parse(await writing.file().text()) as unknown;
  expect(line).toEqual({ body: first?.input, topic: 'Order', synthetic: true });
  await button('Add to the data').click();
  await expect.poll(() => data.view?.rows).toBe(13);
  await expect
    .poll(() => data.view?.columns.map(({ name, role }) => [name, role]).slice(0, 2))
    .toEqual([
      ['body', 'text'],
      ['topic', 'label'],
    ]);
  expect(data.view?.columns.find(({ name }) => name === 'synthetic')).toMatchObject({ role: 'ignore', filled: 1 });
  expect(data.view?.files.map(({ name }) => name)).toEqual(['synthetic.jsonl', 'tickets.csv']);
  await expect.poll(() => writing.list).toEqual([]);
});

it('ends when it is cancelled, and can’t write for data of another form', async () => {
  await panel.getByRole('spinbutton', { name: 'How many' }).fill('100');
  await button('Write examples').click();
  await expect.poll(() => writing.doing).toBe('writing');
  await button('Cancel').click();
  await expect.poll(() => writing.doing).toBeNull();
  expect(writing.failure).toBeNull();
  await data.open(
    new File(['{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}'], 'a.jsonl'),
  );
  await expect.element(panel).toHaveTextContent('These data have another form.');
  await expect.element(button('Write examples')).not.toBeInTheDocument();
});
