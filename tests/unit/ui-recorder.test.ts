/** The recorder of a page's journal: how long it waits for an event. */

import type { Page } from 'playwright-core';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Recorder, type JournalEvent } from '../../scripts/recorder';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

interface Followed {
  readonly recorder: Recorder;
  readonly report: (event: JournalEvent) => void;
  readonly crash: () => void;
}

/** A recorder attached to the parts of a page that it uses; `report` and `crash` are what the page does. */
async function follow(): Promise<Followed> {
  let take: (source: object, event: JournalEvent) => void = () => undefined;
  const handlers = new Map<string, () => void>();
  const page = {
    exposeBinding: (_: string, binding: typeof take) => Promise.resolve((take = binding)),
    addInitScript: () => Promise.resolve(),
    on: (name: string, handler: () => void) => handlers.set(name, handler),
  };
  const recorder = await Recorder.attach(page as unknown as Page);
  return { recorder, report: (event) => take({}, event), crash: () => handlers.get('crash')?.() };
}

const step = (number: number): JournalEvent => ({
  ...{ event: 'step', step: number, loss: 2, learningRate: 1e-4, gradNorm: 1, tokensPerSecond: 10 },
});
const finished: JournalEvent = { event: 'finished', baseLoss: 3, tunedLoss: 2, seconds: 4000, steps: 40 };

it('waits longer than its patience for a run whose steps keep coming', async () => {
  const { recorder, report } = await follow();
  const end = recorder.next('finished', 900_000);
  const outcome = end.then(
    () => 'finished',
    (error: unknown) => String(error),
  );
  for (let i = 1; i <= 40; i++) {
    await vi.advanceTimersByTimeAsync(600_000);
    report(step(i));
  }
  report(finished);
  expect(await outcome).toBe('finished');
});

it('gives up once nothing was reported for as long as its patience', async () => {
  const { recorder, report } = await follow();
  const outcome = recorder.next('finished', 900_000).catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(600_000);
  report(step(1));
  await vi.advanceTimersByTimeAsync(899_000);
  let settled = false;
  void outcome.then(() => (settled = true));
  await vi.advanceTimersByTimeAsync(0);
  expect(settled).toBe(false);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await outcome).toMatchObject({
    code: 'page/timeout',
    message: 'The page reported nothing for 900 s. Expected: the event "finished".',
  });
});

it('rejects at once when the page crashes', async () => {
  const { recorder, crash } = await follow();
  const outcome = recorder.next('finished', 900_000).catch((error: unknown) => error);
  crash();
  expect(await outcome).toMatchObject({ code: 'page/crashed' });
});
