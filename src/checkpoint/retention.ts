/** Which checkpoints are kept: the newest two and the best measured one. */

/** What the choice depends on. */
interface Candidate {
  readonly step: number;
  /** What was measured at that step, less is better; null where nothing was. */
  readonly score: number | null;
}

const NEWEST = 2;

/** The candidate with the lowest score, the earlier one of equals; null when none was measured. */
export function bestOf<T extends Candidate>(candidates: readonly T[]): T | null {
  const measured = candidates.filter(({ score }) => score !== null && score < Infinity);
  const [first] = measured.sort((a, b) => (a.score ?? 0) - (b.score ?? 0) || a.step - b.step);
  return first ?? null;
}

/**
 * The candidates to delete after one was saved at step `saved`. Those of later steps are from before a rollback, so they are
 * deleted as well.
 */
export function superfluous<T extends Candidate>(candidates: readonly T[], saved: number): T[] {
  const current = candidates.filter(({ step }) => step <= saved).sort((a, b) => b.step - a.step);
  const kept = new Set([...current.slice(0, NEWEST), bestOf(current)]);
  return candidates.filter((candidate) => !kept.has(candidate));
}
