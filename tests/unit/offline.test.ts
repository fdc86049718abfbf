/** What a host's answer to the question for `service.json` means. */

import { afterEach, expect, it, vi } from 'vitest';
import { pageHeaders } from '../../src/core/headers';
import { askHost, keyOf, scopeOf } from '../../src/core/offline';

afterEach(() => vi.unstubAllGlobals());

const json = (value: unknown): Response => new Response(JSON.stringify(value));

const answers = [
  { host: 'allows it', answer: () => json({ offline: true }), means: 'allowed' },
  { host: 'forbids it', answer: () => json({ offline: false }), means: 'withdrawn' },
  { host: 'says something else', answer: () => json(['offline']), means: 'withdrawn' },
  { host: 'serves another page', answer: () => new Response('<!doctype html>'), means: 'withdrawn' },
  { host: 'has no such file', answer: () => new Response('', { status: 404 }), means: 'withdrawn' },
  { host: 'deleted the file', answer: () => new Response('', { status: 410 }), means: 'withdrawn' },
  { host: 'fails', answer: () => new Response('', { status: 503 }), means: 'unknown' },
  { host: 'is not reached', answer: () => Promise.reject(new TypeError('Failed to fetch')), means: 'unknown' },
] as const;

it.each(answers)('is $means when the host $host', async ({ answer, means }) => {
  const asked: string[] = [];
  vi.stubGlobal('fetch', (url: string, options: RequestInit) => {
    asked.push(`${url} ${options.cache ?? ''}`);
    return Promise.resolve(answer());
  });
  expect(await askHost('https://host/page/')).toBe(means);
  expect(asked).toEqual(['https://host/page/service.json no-store']);
});

it('names files by their content, below the folder of the page', () => {
  const scope = scopeOf('https://host/page/index.html?backend=wasm#runs');
  expect(scope).toBe('https://host/page/');
  const key = keyOf({ url: 'a.js', integrity: 'sha256-a+/=', bytes: 12 }, scope);
  expect(key).toBe('https://host/page/a.js?integrity=sha256-a%2B%2F%3D&bytes=12');
});

const document = (policy: string): string => `<meta http-equiv="Content-Security-Policy" content="${policy}" />`;
const documents = {
  'index.html': document('strict'),
  'hub.html': document('hub'),
  'mirror.html': document('mirror'),
  'address.html': document('any'),
};

it('gives each document its own policy, and every other file that of the page', () => {
  const headersOf = pageHeaders(documents);
  const policies = ['', 'index.html', 'assets/train.worker.js', 'hub.html', 'mirror.html', 'address.html'].map(
    (file) => headersOf(file)['Content-Security-Policy'],
  );
  expect(policies).toEqual(['strict', 'strict', 'strict', 'hub', 'mirror', 'any']);
  expect(headersOf('hub.html')).toMatchObject({ 'Cross-Origin-Embedder-Policy': 'require-corp' });
});

it('refuses a document without a policy', () => {
  expect(() => pageHeaders({ ...documents, 'hub.html': '<!doctype html>' })).toThrow('hub.html has no content security policy');
});
