/** Two answers to one prompt, shown without saying whose they are. Pure. */

/** What is chosen of the two that are shown: the first, the second, or neither. */
export type Verdict = 'first' | 'second' | 'tie';

/** The key of each verdict. */
export const VERDICT_KEYS: Readonly<Record<string, Verdict>> = { '1': 'first', '2': 'second', '0': 'tie' };

/** Two answers in the order in which they are shown. */
export interface Pair {
  /** As the page shows it. */
  readonly shown: string;
  readonly answers: readonly [string, string];
  /** The answers were swapped: the first one that is shown is by the second model. */
  readonly swapped: boolean;
}

/** A pair of which the first answer that is shown is by the second model half of the time. `random`: from 0 to below 1. */
export function shuffled(shown: string, [one, other]: readonly [string, string], random: number): Pair {
  const swapped = random >= 0.5;
  return { shown, answers: swapped ? [other, one] : [one, other], swapped };
}

/** Which model's answer was chosen, 0 or 1; null for neither. */
export function winnerOf({ swapped }: Pick<Pair, 'swapped'>, verdict: Verdict): 0 | 1 | null {
  if (verdict === 'tie') return null;
  return (verdict === 'first') === swapped ? 1 : 0;
}

/** One of 2^32 numbers from 0 to below 1, which nobody can foresee. */
export function drawn(): number {
  return (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32;
}
