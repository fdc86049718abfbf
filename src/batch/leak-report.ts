/** Leakage as the page and the command line show it. */

import type { Leak, LeakCount, Leaks } from '../dataset/split/leaks';

export interface LeakReport {
  /** Rows for validation, and how many of them also stand in training. */
  readonly heldOut: LeakCount;
  readonly test: LeakCount;
  /** Rows for training that are like one of them. */
  readonly training: number;
  /** The first of them in the order of the file. */
  readonly listed: readonly Leak[];
}

export function leaksOf({ training, ...leaks }: Leaks): LeakReport {
  return { ...leaks, training: training.size };
}
