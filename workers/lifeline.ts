/**
 * Tells the page when this worker died. No event reports a worker that closed itself or that the browser ended, but the browser
 * releases the Web Locks of a dead worker. So each worker holds a lock named like itself for its whole life; the page requests
 * the same lock, and gets it when the worker is dead. Imported first, so that the lock is held before anything can fail.
 */

/** Posted once, when the lock is held: from here on the page may request it. comlink ignores it, since it has no `id`. */
export interface Lifeline {
  readonly lifeline: string;
}

/** Workers without a name of their own would all share one lock. Pages without https have no locks. */
if (self.name !== '' && 'locks' in navigator) {
  void navigator.locks.request(self.name, () => {
    const message: Lifeline = { lifeline: self.name };
    self.postMessage(message);
    return new Promise<never>(() => undefined);
  });
}
