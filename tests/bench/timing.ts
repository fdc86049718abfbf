/**
 * Wall-clock timing of queued GPU work. Chrome's clocks are coarse (0.1 ms), so a sample repeats the work until it lasts long
 * enough; two subjects are sampled in turn (A B A B …), so that a busy machine slows both.
 */

import type { Timing } from './report';

/** The least a sample lasts. */
const SAMPLE_MS = 20;
const MAX_TIMES = 256;
/** A first run this long is not repeated before the samples: what it spends on warming up is small beside it. */
const LONG_MS = 10 * SAMPLE_MS;
const BUDGET_MS = 20_000;
const LEAST_PAIRS = 2;

/** Work that can be timed. */
export interface Subject {
  /** Makes ready to queue the work `times` times in a row; the function it gives queues it and returns. */
  prepare(times: number): Promise<() => void>;
}

/** Resolves when the device has done all that was queued. */
export type Sync = () => Promise<unknown>;

interface Ready {
  readonly times: number;
  readonly queue: () => void;
}

/** Median, spread and number of samples of one subject. */
export async function time(subject: Subject, sync: Sync, samples: number): Promise<Timing> {
  const ready = await calibrate(subject, sync);
  const found: number[] = [];
  for (let i = 0; i < samples; i++) found.push(await sample(ready, sync));
  return summary(found);
}

/**
 * Both subjects, sampled in turn, `pairs` times or, from the second pair on, until BUDGET_MS is spent. `ratio` is the median
 * of b's time by a's over the pairs.
 */
export async function compare(
  a: Subject,
  b: Subject,
  sync: Sync,
  pairs: number,
): Promise<{ a: Timing; b: Timing; ratio: number }> {
  const [readyA, readyB] = [await calibrate(a, sync), await calibrate(b, sync)];
  const found: { a: number; b: number }[] = [];
  const end = performance.now() + BUDGET_MS;
  while (found.length < LEAST_PAIRS || (found.length < pairs && performance.now() < end))
    found.push({ a: await sample(readyA, sync), b: await sample(readyB, sync) });
  return {
    a: summary(found.map((pair) => pair.a)),
    b: summary(found.map((pair) => pair.b)),
    ratio: median(found.map((pair) => pair.b / pair.a)),
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((x, y) => x - y);
  const middle = sorted.length / 2;
  return ((sorted[Math.floor(middle)] ?? NaN) + (sorted[Math.ceil(middle) - 1] ?? NaN)) / 2;
}

export function summary(samples: readonly number[]): Timing {
  const ms = median(samples);
  return { ms, spread: (Math.max(...samples) - Math.min(...samples)) / ms, samples: samples.length };
}

/** Finds how often to repeat. First runs only warm up: pipelines, caches, clocks. */
async function calibrate(subject: Subject, sync: Sync): Promise<Ready> {
  let ready: Ready = { times: 1, queue: await subject.prepare(1) };
  if ((await sample(ready, sync)) >= LONG_MS) return ready;
  for (;;) {
    const taken = ready.times * (await sample(ready, sync));
    if (taken >= SAMPLE_MS || ready.times === MAX_TIMES) return ready;
    const times = Math.min(MAX_TIMES, Math.ceil((1.2 * ready.times * SAMPLE_MS) / Math.max(taken, 0.1)));
    ready = { times, queue: await subject.prepare(times) };
    await sample(ready, sync);
  }
}

/** Milliseconds of one execution. */
async function sample({ times, queue }: Ready, sync: Sync): Promise<number> {
  await sync();
  const started = performance.now();
  queue();
  await sync();
  return (performance.now() - started) / times;
}
