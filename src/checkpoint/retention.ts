/** Which checkpoints are kept: the newest two and the best measured one. */

/** What the choice depends on. */
interface Candidate {
  readonly step: number;
  /** Held-out loss measured at that step; null where none was measured. */
  readonly loss: number | null;
}

const NEWEST = 2;

/** The candidate with the lowest measured loss, the earlier one of equals; null when none was measured. */
export function bestOf<T extends Candidate>(candidates: readonly T[]): T | null {
  const score = ({ loss }: T) => (loss === null || Number.isNaN(loss) ? Infinity : loss);
  const sorted = [...candidates].sort((a, b) => score(a) - score(b) || a.step - b.step);
  return sorted[0] !== undefined && score(sorted[0]) < Infinity ? sorted[0] : null;
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
