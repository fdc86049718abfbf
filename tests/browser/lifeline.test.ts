/** The lock that tells a page of its worker's death, which no event reports when the worker closed itself. */

import { wrap } from 'comlink';
import { expect, test } from 'vitest';
import type { Mortal } from './fixtures/lifeline.worker';

/** A worker named `name`, and everything that it posts. */
function start(url: URL, name: string) {
  const worker = new Worker(url, { type: 'module', name });
  const messages: unknown[] = [];
  worker.addEventListener('message', ({ data }: MessageEvent<unknown>) => messages.push(data));
  return { worker, messages };
}

const mortal = new URL('./fixtures/lifeline.worker.ts', import.meta.url);

/** Resolves when the lock could be taken. */
const freed = (name: string) => navigator.locks.request(name, () => Promise.resolve());

const isHeld = async (name: string) => ((await navigator.locks.query()).held ?? []).some((lock) => lock.name === name);

test('a worker holds a lock of its own name, and reports that once; comlink ignores the report', async () => {
  const name = crypto.randomUUID();
  const { worker, messages } = start(mortal, name);
  const api = wrap<Mortal>(worker);
  expect(await api.answer()).toBe(42);
  await expect.poll(() => messages).toContainEqual({ lifeline: name });
  expect(await isHeld(name)).toBe(true);
  expect(await api.answer()).toBe(42);
  expect(messages.filter((message) => typeof message === 'object' && message !== null && 'lifeline' in message)).toHaveLength(1);
  worker.terminate();
});

test.each([
  ['closed itself', (worker: Worker) => void wrap<Mortal>(worker).close()],
  ['was terminated', (worker: Worker) => worker.terminate()],
])('the lock of a worker that %s is free', async (_, end) => {
  const name = crypto.randomUUID();
  const { worker, messages } = start(mortal, name);
  await expect.poll(() => messages).toContainEqual({ lifeline: name });
  end(worker);
  await freed(name);
  expect(await isHeld(name)).toBe(false);
});

test.each([
  ['training', new URL('../../workers/train.worker.ts', import.meta.url)],
  ['data', new URL('../../workers/data.worker.ts', import.meta.url)],
])('the %s worker has a lifeline', async (_, url) => {
  const name = crypto.randomUUID();
  const { worker, messages } = start(url, name);
  await expect.poll(() => messages).toContainEqual({ lifeline: name });
  expect(await isHeld(name)).toBe(true);
  worker.terminate();
  await freed(name);
});
