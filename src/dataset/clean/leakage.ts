/** Leakage between splits: examples for training that are, exactly or nearly, among those that are held out to measure. */

import { NearDuplicates } from './minhash';
import { shinglesOf, type Shingling } from './shingles';

export interface Leak {
  /** Indices of the two texts. */
  readonly train: number;
  readonly heldOut: number;
  /** Jaccard's index of their shingles: 1 for texts that differ in case, marks and white space only. */
  readonly similarity: number;
}

/** For each text for training that is like a held-out one, the one that is most similar. */
export function findLeaks(
  train: Iterable<string>,
  heldOut: Iterable<string>,
  threshold: number,
  shingling: Shingling,
): readonly Leak[] {
  const index = new NearDuplicates(threshold);
  let count = 0;
  for (const text of heldOut) index.add(count++, shinglesOf(text, shingling));
  const leaks: Leak[] = [];
  let line = 0;
  for (const text of train) {
    const [match] = index.find(shinglesOf(text, shingling));
    if (match !== undefined) leaks.push({ train: line, heldOut: match.id, similarity: match.similarity });
    line++;
  }
  return leaks;
}
