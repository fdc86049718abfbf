/** The held-out losses of a run, as its record holds them. */

import type { EvalRow, RunRecord } from '../checkpoint/types';

/** The newest and the lowest of `evals`, which are in the order of their steps; null where there are none. */
export function lossesOf(evals: readonly EvalRow[]): Pick<RunRecord, 'tunedLoss' | 'bestLoss'> {
  const losses = evals.map(({ loss }) => loss);
  return { tunedLoss: losses.at(-1) ?? null, bestLoss: losses.length === 0 ? null : Math.min(...losses) };
}
