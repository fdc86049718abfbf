/** Data files from an address and from a folder, on the built page: the policy opens for the address only, and for no longer. */

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { launchBrowser, openWorld, root } from './world';

const FIXTURES = join(root, 'tests/unit/fixtures/datasets');
const ROWS = 'question,answer\nWhere is the lamp?,In the tower.\nWho lights it?,The keeper.\n';

let browser: Browser;
const came: string[] = [];
/** Lets pages of other origins read what is under /open, and nothing else. */
const server = createServer(({ url = '' }, response) => {
  came.push(url);
  const headers = url.startsWith('/open') ? { 'Access-Control-Allow-Origin': '*' } : {};
  response.writeHead(url.endsWith('.csv') ? 200 : 404, { 'Content-Type': 'text/csv', ...headers }).end(ROWS);
});

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser.close();
  server.close().closeAllConnections();
});

it('fetches a file from a server that allows it, and says what to do where one does not', async () => {
  const { page, person } = await openWorld(browser, 'wasm');
  const stage = await person.open('Data');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await stage.getByText('From an address').click();
  const field = stage.getByRole('textbox', { name: 'Web address' });
  const fetchIt = stage.getByRole('button', { name: 'Fetch this file' });
  await field.fill(`${origin}/closed.csv`);
  expect([came, page.frames().length]).toEqual([[], 1]);

  await fetchIt.click();
  await stage.getByText(/does not let other pages read this file.*drop it here/).waitFor();
  await field.fill(`${origin}/open/none`);
  await fetchIt.click();
  await stage.getByText(/has no such file \(status 404\)/).waitFor();
  await field.fill(`${origin}/open/lamp.csv`);
  await field.press('Enter');
  await stage.getByRole('heading', { name: 'lamp.csv' }).waitFor();
  await stage.getByText('2 of 2 rows can be used').waitFor();
  expect([page.frames().length, came.at(-1)]).toEqual([1, '/open/lamp.csv']);
});

it('reads a folder, and documents with the policy of the page', async () => {
  const { page, person } = await openWorld(browser, 'wasm');
  const refused: string[] = [];
  page.on('console', (message) => {
    if (/Content Security Policy/.test(message.text())) refused.push(message.text());
  });
  const stage = await person.open('Data');
  await stage.getByLabel('Data folder').setInputFiles(join(FIXTURES, 'several'));
  await stage.getByRole('heading', { name: 'several' }).waitFor();
  await stage.getByText('25 of 25 rows can be used').waitFor();
  for (const name of ['book.pdf', 'rules.docx']) {
    const buffer = readFileSync(join(FIXTURES, 'documents', name));
    await stage.getByLabel('Data file').setInputFiles({ name, mimeType: 'application/octet-stream', buffer });
    await stage.getByRole('heading', { name }).waitFor();
  }
  expect(refused).toEqual([]);
});
