// Data files from addresses: what the user may type, and downloads from a real server with its refusals.
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fileNameOf, parseAddress } from '../../src/core/address';
import { CodedError } from '../../src/core/errors';
import { RemoteFiles } from '../../src/hub/remote-file';

describe('an address', () => {
  it.each([
    ['example.org/data.csv', 'https://example.org/data.csv'],
    ['  https://example.org/a b.csv?x=1#part ', 'https://example.org/a%20b.csv?x=1'],
    ['http://localhost:8000/a.csv', 'http://localhost:8000/a.csv'],
    ['https://github.com/a/b/blob/main/x/y.csv', 'https://raw.githubusercontent.com/a/b/main/x/y.csv'],
    ['https://huggingface.co/datasets/a/b/blob/main/y.parquet', 'https://huggingface.co/datasets/a/b/resolve/main/y.parquet'],
    ['https://docs.google.com/spreadsheets/d/1-A_b/edit#gid=0', 'https://docs.google.com/spreadsheets/d/1-A_b/export?format=csv'],
    ['https://user:secret@example.org/a.csv', 'https://example.org/a.csv'],
  ])('%s is taken as %s', (typed, address) => {
    expect(parseAddress(typed)).toBe(address);
  });

  it.each([
    '',
    'a word',
    'http://example.org/a.csv',
    'ftp://example.org/a',
    'javascript:alert(1)',
    'file:///etc/passwd',
    'https://',
  ])('“%s” is refused', (typed) => {
    expect(() => parseAddress(typed)).toThrow(CodedError);
  });

  it('names the file, with an extension by its type where it has none', () => {
    expect(fileNameOf('https://a.org/x/t%C3%A4glich.csv?y', 'text/plain')).toBe('täglich.csv');
    expect(fileNameOf('https://a.org/export', 'text/csv; charset=utf-8')).toBe('export.csv');
    expect(fileNameOf('https://a.org/', 'application/json')).toBe('a.org.json');
    expect(fileNameOf('https://a.org/%E0%A4%A', 'x/y')).toBe('%E0%A4%A');
  });
});

describe('a download', () => {
  const ROWS = 'text,label\nOne,a\nTwo,b\n';
  let origin = '';
  const answers: Readonly<Record<string, (response: ServerResponse) => void>> = {
    '/data': (response) => response.writeHead(200, { 'Content-Type': 'text/csv', 'Content-Length': ROWS.length }).end(ROWS),
    '/moved.csv': (response) => response.writeHead(302, { Location: '/data' }).end(),
    '/page': (response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end('<html>Sign in</html>'),
    '/page.html': (response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end('<html>Text</html>'),
    '/locked.csv': (response) => response.writeHead(401).end(),
    '/broken.csv': (response) => response.writeHead(503).end(),
    '/cut.csv': (response) => {
      response.writeHead(200, { 'Content-Length': 1000 }).write('text\n');
      setTimeout(() => response.destroy(), 20);
    },
    '/endless.csv': (response) => {
      const timer = setInterval(() => response.write('A row of text\n'.repeat(1000)), 1);
      response.on('close', () => clearInterval(timer));
    },
  };
  const server = createServer(({ url = '' }, response) => {
    (answers[url] ?? (() => response.writeHead(404).end()))(response);
  });
  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => server.close().closeAllConnections());

  const fetchAt = (path: string, largest?: number) => new RemoteFiles().fetch(`${origin}${path}`, () => undefined, largest);

  it('gives the bytes and the name, and tells what is there', async () => {
    const seen: (number | null)[][] = [];
    const { name, file } = await new RemoteFiles().fetch(`${origin}/data`, (...told) => seen.push(told));
    expect([name, await file.text(), seen.at(-1)]).toEqual(['data.csv', ROWS, [ROWS.length, ROWS.length]]);
    expect((await fetchAt('/moved.csv')).name).toBe('moved.csv');
    expect(await (await fetchAt('/page.html')).file.text()).toContain('Text');
  });

  it.each([
    ['/none.csv', 'hub/not-found', /no such file \(status 404\)/],
    ['/locked.csv', 'hub/failed', /asks for a sign-in/],
    ['/broken.csv', 'hub/failed', /Try again later/],
    ['/page', 'hub/answer', /a web page, not with a data file/],
    ['/cut.csv', 'hub/cut', /was cut after 0\.0 MB/],
  ])('of %s is refused as %s', async (path, code, message) => {
    await expect(fetchAt(path)).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string });
  });

  it('of more than may be fetched stops, whether the server says the size or not', async () => {
    await expect(fetchAt('/data', 10)).rejects.toMatchObject({ code: 'hub/unsuitable' });
    await expect(fetchAt('/endless.csv', 100_000)).rejects.toMatchObject({ code: 'hub/unsuitable' });
  });

  it('from a server that does not answer says what to do', async () => {
    await expect(new RemoteFiles().fetch('http://127.0.0.1:9/a.csv', () => undefined)).rejects.toMatchObject({
      code: 'hub/unreachable',
      message: /download the file, then drop it here/,
    });
  });

  it('ends when it is cancelled', async () => {
    const files = new RemoteFiles();
    const download = files.fetch(`${origin}/endless.csv`, () => files.cancel());
    await expect(download).rejects.toMatchObject({ code: 'train/cancelled' });
  });
});
