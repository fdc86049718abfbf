/**
 * Wall-clock timing of queued GPU work. Chrome's clocks are coarse (0.1 ms), so a sample repeats the work until it lasts long
 * enough; subjects are sampled in turn (A B C A B C …), so that a busy machine slows all.
 */

import type { Timing } from './report';

/** Minimum length of a sample. */
const SAMPLE_MS = 20;
const MAX_TIMES = 256;
/** A first run of this length is not repeated for warm-up: the warm-up is a small part of it. */
const LONG_MS = 10 * SAMPLE_MS;
const BUDGET_MS = 20_000;
const LEAST_ROUNDS = 2;

/** Work that can be timed. */
export interface Subject {
  /** Prepares `times` repetitions; the returned function queues them and returns at once. */
  prepare(times: number): Promise<() => void>;
}

/** Resolves when the device has finished all queued work. */
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

/** Subjects sampled in turn: the timing of each, and its time relative to the first. */
export interface Comparison {
  readonly timings: readonly Timing[];
  /** Median over the rounds of (time of the subject / time of the first): how many times as fast the first is. */
  readonly ratios: readonly number[];
}

/** Samples all subjects in turn, `rounds` times or, from the second round on, until BUDGET_MS is spent. */
export async function compare(subjects: readonly Subject[], sync: Sync, rounds: number): Promise<Comparison> {
  const ready: Ready[] = [];
  for (const subject of subjects) ready.push(await calibrate(subject, sync));
  const found: number[][] = [];
  const end = performance.now() + BUDGET_MS;
  while (found.length < LEAST_ROUNDS || (found.length < rounds && performance.now() < end)) {
    const round: number[] = [];
    for (const one of ready) round.push(await sample(one, sync));
    found.push(round);
  }
  const column = (i: number) => found.map((round) => round[i] ?? NaN);
  return {
    timings: subjects.map((_, i) => summary(column(i))),
    ratios: subjects.map((_, i) => median(found.map((round) => (round[i] ?? NaN) / (round[0] ?? NaN)))),
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

/** Finds the number of repetitions. The first runs only warm up pipelines, caches and clocks. */
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
