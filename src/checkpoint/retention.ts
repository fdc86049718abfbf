/** Which checkpoints are kept: the newest two and the best. */

/** What the choice depends on. */
interface Candidate {
  readonly step: number;
  readonly loss: number | null;
}

const NEWEST = 2;

/** The candidate with the lowest loss, the newer of equals; null when none was measured. */
export function bestOf<T extends Candidate>(candidates: readonly T[]): T | null {
  const score = ({ loss }: T) => (loss === null || Number.isNaN(loss) ? Infinity : loss);
  const sorted = [...candidates].sort((a, b) => score(a) - score(b) || b.step - a.step);
  return sorted[0] !== undefined && score(sorted[0]) < Infinity ? sorted[0] : null;
}

/**
 * The candidates to drop after one was saved at step `saved`. Those of later steps belong to a course that was given up when
 * the run went back, so they go too.
 */
export function superfluous<T extends Candidate>(candidates: readonly T[], saved: number): T[] {
  const current = candidates.filter(({ step }) => step <= saved).sort((a, b) => b.step - a.step);
  const kept = new Set([...current.slice(0, NEWEST), bestOf(current)]);
  return candidates.filter((candidate) => !kept.has(candidate));
}
