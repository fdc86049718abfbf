/** The client against a real worker: calls, callbacks, errors, and the end of the worker in every way. */

import { afterEach, expect, it } from 'vitest';
import { callback, WorkerClient } from '../../src/client/worker';
import { failureOf } from '../../src/state/failure';
import type { Pupil } from './fixtures/pupil.worker';

const spawn = (name: string): Worker =>
  new Worker(new URL('./fixtures/pupil.worker.ts', import.meta.url), { type: 'module', name });
const clients: WorkerClient<Pupil>[] = [];

function client(start: (name: string) => Worker = spawn): WorkerClient<Pupil> {
  const made = new WorkerClient<Pupil>('test', start);
  clients.push(made);
  return made;
}

afterEach(() => {
  for (const one of clients.splice(0)) one.kill();
});

/** Waits until the worker has sent its name and the page has requested the lock of that name. */
async function lifelineHeld(): Promise<void> {
  const isOurs = ({ name = '' }: LockInfo): boolean => name.startsWith('finetab-test-');
  await expect.poll(async () => (await navigator.locks.query()).pending?.some(isOurs)).toBe(true);
}

it('starts one worker and keeps it', async () => {
  const pupil = client();
  expect(await pupil.call((api) => api.count())).toBe(1);
  expect(await pupil.call((api) => api.count())).toBe(2);
});

it('lets the worker call back', async () => {
  const heard: string[] = [];
  await client().call((api) => api.tell(callback((line: string) => void heard.push(line))));
  await expect.poll(() => heard).toEqual(['one', 'two']);
});

it('passes on code, message and every problem of an error', async () => {
  const error: unknown = await client()
    .call((api) => api.refuse())
    .catch((thrown: unknown) => thrown);
  expect(failureOf(error)).toEqual({
    code: 'data/parse',
    message: 'Two lines are bad.',
    problems: [{ where: 'line 3', message: 'is not JSON' }],
  });
});

it('rejects every call under way when the worker dies of an uncaught error, and starts another', async () => {
  const pupil = client();
  let deaths = 0;
  pupil.onDeath(() => deaths++);
  await pupil.call((api) => api.count());
  const waiting = pupil.call((api) => api.forever());
  const dying = pupil.call((api) => api.die());
  await expect(waiting).rejects.toMatchObject({ name: 'worker/died' });
  await expect(dying).rejects.toThrow(/killed by itself/);
  expect(deaths).toBe(1);
  expect(await pupil.call((api) => api.count())).toBe(1);
});

it('notices a worker that closed itself, which no event reports, and starts another', async () => {
  const pupil = client();
  let deaths = 0;
  pupil.onDeath(() => deaths++);
  await pupil.call((api) => api.count());
  await lifelineHeld();
  const waiting = pupil.call((api) => api.forever());
  const closing = pupil.call((api) => api.close());
  await expect(waiting).rejects.toThrow(/it ended without an error/);
  await expect(closing).rejects.toMatchObject({ name: 'worker/died' });
  expect(deaths).toBe(1);
  expect(await pupil.call((api) => api.count())).toBe(1);
  expect(deaths).toBe(1);
});

it('reports one death when the page itself ends the worker, and leaves the next one alone', async () => {
  const pupil = client();
  let deaths = 0;
  pupil.onDeath(() => deaths++);
  for (let i = 0; i < 3; i++) {
    expect(await pupil.call((api) => api.count())).toBe(1);
    pupil.kill();
  }
  expect(await pupil.call((api) => api.count())).toBe(1);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  expect(await pupil.call((api) => api.count())).toBe(2);
  expect(deaths).toBe(3);
});

it('asks the next worker again when one died before it answered', async () => {
  const pupil = client();
  let asked = 0;
  const answer = pupil.ask((api) => (asked++ === 0 ? api.forever() : api.count()) as Promise<number>);
  await pupil.call((api) => api.count());
  pupil.kill();
  expect(await answer).toBe(1);
  await expect(pupil.ask((api) => api.refuse())).rejects.toMatchObject({ name: 'data/parse' });
  expect(asked).toBe(2);
});

it('rejects calls when the script of the worker can’t be loaded', async () => {
  const lost = client(() => new Worker('/there-is-no-such-worker.js', { type: 'module' }));
  await expect(lost.call((api) => api.count())).rejects.toMatchObject({ name: 'worker/died' });
});
