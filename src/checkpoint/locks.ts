/** One writer per run, across tabs and workers: Web Locks, which the browser frees when their holder dies. */

import { CodedError } from '../core/errors';

/** A worker that ends in the middle of a step holds its lock until the browser has stopped it, which Chrome takes two seconds for. */
const WAIT_MS = 4000;

/** The locks of the runs in the database `scope`. */
export class RunLocks {
  readonly #prefix: string;

  constructor(scope: string) {
    this.#prefix = `${scope}:run:`;
  }

  /** Holds the run's lock until the returned function is called. Rejects with `store/locked` when another holds it. */
  async lock(runId: string): Promise<() => void> {
    const release = await acquire(this.#prefix + runId);
    if (release !== null) return release;
    throw new CodedError('store/locked', 'This run is being trained in another tab. Go on there, or close that tab first.');
  }

  /** Ids of the runs whose locks are held anywhere in this browser. */
  async locked(): Promise<ReadonlySet<string>> {
    const { held = [] } = await navigator.locks.query();
    const own = held.flatMap(({ name = '' }) => (name.startsWith(this.#prefix) ? [name.slice(this.#prefix.length)] : []));
    return new Set(own);
  }
}

/** The function that gives the lock back, or null when it could not be had in time. */
function acquire(name: string): Promise<(() => void) | null> {
  return new Promise((resolve, reject) => {
    const hold = () => new Promise<void>((release) => resolve(() => release()));
    navigator.locks.request(name, { signal: AbortSignal.timeout(WAIT_MS) }, hold).catch((error: unknown) => {
      if (error instanceof DOMException && error.name === 'TimeoutError') resolve(null);
      else reject(error instanceof Error ? error : new Error(String(error)));
    });
  });
}
