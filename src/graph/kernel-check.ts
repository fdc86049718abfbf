/**
 * The start-up check of an executor: every kernel computes a small trial, whose results must have the figures of the twins. Some
 * drivers refuse valid shaders, others compile them to wrong code.
 */

import type { Executor, HostArray } from './executor';
import type { Graph } from './graph';
import { Bench, figuresOf, TRIALS, type Figures, type Trial } from './kernel-trials';
import { plan } from './plan';

/** Largest deviation of a figure, relative to the sum of magnitudes. Rounding stays below 1e-6; one wrong number of 1,000 is 1e-3. */
const TOLERANCE = 1e-5;

/** Replaces a result of the trial `name`: tests put a wrong one in its place. */
export type TamperTrial = (name: string, result: HostArray) => HostArray;

/** Names of the trials that throw, or whose results are wrong, on the executor that `open` gives. */
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

/** False for figures that are not numbers, too. */
export function agree(found: Figures, expected: Figures | undefined): boolean {
  if (expected === undefined) return false;
  const [, , size] = expected;
  return found.every((figure, i) => Math.abs(figure - (expected[i] ?? NaN)) <= TOLERANCE * size);
}
