/** The datasets of a mixture in words: what each has, and its share of a pass. Pure. */

import type { EncodedStats } from '../../../workers/api';
import { WEIGHTS, type MixedData } from '../../recipe/mixture';
import { count, plural } from '../format';

/** A dataset of the mixture, as the page lists it. */
export interface MixEntry {
  /** Null: the open data. */
  readonly hash: string | null;
  readonly name: string;
  readonly weight: number;
  /** Null while they are not counted. */
  readonly stats: EncodedStats | null;
  /** Rows of the file; null while they are not read. */
  readonly rows: number | null;
  /** Why it can't be used, in a sentence, or null. */
  readonly problem: string | null;
}

/** `1,234 examples for training, 137 held out, 5 rows left out`. */
export function mixFacts({ stats, rows, problem }: MixEntry): string {
  if (problem !== null) return problem;
  if (stats?.parts === undefined) return 'Being counted…';
  const { train, heldOut, test } = stats.parts;
  const left = rows === null ? stats.droppedCount : Math.max(0, rows - stats.examples);
  return [
    `${plural(train, 'example')} for training`,
    `${count(heldOut)} held out`,
    ...(test > 0 ? [`${count(test)} for the test`] : []),
    ...(left > 0 ? [`${plural(left, 'row')} not used`] : []),
  ].join(', ');
}

/** Examples of a pass: the weight times as many as there are for training. */
export function drawn({ stats, weight }: MixEntry): number | null {
  const train = stats?.parts?.train;
  return train === undefined ? null : train === 0 ? 0 : Math.max(1, Math.round(weight * train));
}

/** Share of all tokens of a pass; null while one dataset is not counted. */
export function shareOf(entry: MixEntry, all: readonly MixEntry[]): number | null {
  const tokens = ({ stats, weight }: MixEntry) => (stats === null ? null : weight * stats.packedTokens);
  const [own, sums] = [tokens(entry), all.map(tokens)];
  if (own === null || sums.some((one) => one === null)) return null;
  const total = sums.reduce<number>((sum, one) => sum + (one ?? 0), 0);
  return total === 0 ? 0 : own / total;
}

/** Reads a weight as it is typed; what is wrong with it, in a sentence, where it is none. */
export function readWeight(typed: unknown): { readonly weight: number } | { readonly problem: string } {
  const { least, most } = WEIGHTS;
  const fits = typeof typed === 'number' && typed >= least && typed <= most;
  return fits ? { weight: typed } : { problem: `the weight must be a number from ${least} to ${most}.` };
}

/** Whether a kept dataset is used in another way than when it was added. */
export function usedOtherwise(
  { mapping, dataSteps }: Pick<MixedData, 'mapping' | 'dataSteps'>,
  now: Pick<MixedData, 'mapping' | 'dataSteps'> | null,
): boolean {
  return now !== null && JSON.stringify([mapping, dataSteps]) !== JSON.stringify([now.mapping, now.dataSteps]);
}
