/** Promises that are awaited later than they may reject. */

/**
 * The same promise, whose rejection is never reported as unhandled: its owner awaits it later, or no longer needs it because another
 * of its promises failed first.
 */
export function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
