/**
 * The start-up check of an executor: every kernel computes a small trial, whose results must have the figures of the twin's. Some drivers
 * refuse valid shaders, others compile them to wrong code.
 */

import type { Executor, HostArray } from './executor';
import type { Graph } from './graph';
import { Bench, figuresOf, type Figures } from './kernel-bench';
import { TRIALS } from './trials';
import type { Trial } from './trials/trial';
import { plan } from './plan';

/** Largest deviation of a figure, relative to Σ |y|. Rounding gives less than 1e-6; one wrong number among 1,000 gives about 1e-3. */
const TOLERANCE = 1e-5;

/** Returns the result of the trial `name`; tests replace it by a wrong one. */
export type TamperTrial = (name: string, result: HostArray) => HostArray;

/** Names of the trials that throw, or have wrong results, on executors that `open` creates. */
export async function failingTrials(
  open: (graph: Graph) => Executor,
  tamper: TamperTrial = (_, result) => result,
): Promise<readonly string[]> {
  const passed = await Promise.all(TRIALS.map((trial) => passes(trial, open, tamper).catch(() => false)));
  return TRIALS.filter((_, i) => passed[i] !== true).map(({ name }) => name);
}

async function passes(trial: Trial, open: (graph: Graph) => Executor, tamper: TamperTrial): Promise<boolean> {
  const results = await runTrial(trial, open);
  const found = results.map((result) => figuresOf(tamper(trial.name, result)));
  return found.length === trial.expected.length && found.every((figures, i) => agree(figures, trial.expected[i]));
}

/** The results of a trial. */
export async function runTrial({ build }: Trial, open: (graph: Graph) => Executor): Promise<readonly HostArray[]> {
  const bench = new Bench();
  const results = build(bench);
  const executor = open(bench.graph);
  try {
    const compiled = await executor.compile(plan(bench.program, results));
    for (const [value, data] of bench.data) executor.write(value, data);
    return await executor.run(compiled);
  } finally {
    executor.dispose();
  }
}

/** Whether all figures are within the tolerance; false for NaN. */
export function agree(found: Figures, expected: Figures | undefined): boolean {
  if (expected === undefined) return false;
  const [, , size] = expected;
  return found.every((figure, i) => Math.abs(figure - (expected[i] ?? NaN)) <= TOLERANCE * size);
}
