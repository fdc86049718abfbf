/** Why something can't be started now. */

import type { Place } from './place';

export interface Blocker {
  readonly reason: string;
  /** Where the user can change that; null where waiting is enough. */
  readonly place: Place | null;
}

/** A reason that ends by itself. */
export const waiting = (reason: string): Blocker => ({ reason, place: null });
