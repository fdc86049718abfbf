/** Locks across tabs and workers: Web Locks, which the browser releases when their holder dies. */

import { CodedError } from '../core/errors';

/** Chrome takes up to two seconds to stop a worker that ends in the middle of a step; it holds its locks until then. */
const WAIT_MS = 4000;

/** The locks of the database `scope`: one writer per run, and one run in training. */
export class RunLocks {
  readonly #runPrefix: string;
  readonly #training: string;
  readonly #trainingPrefix: string;

  constructor(scope: string) {
    this.#runPrefix = `${scope}:run:`;
    this.#training = `${scope}:training`;
    this.#trainingPrefix = `${scope}:training:`;
  }

  /** Holds the run's lock until the returned function is called. Rejects with `store/locked` when another holds it. */
  async lock(runId: string): Promise<() => void> {
    const release = await acquire(this.#runPrefix + runId);
    if (release !== null) return release;
    throw new CodedError('store/locked', 'This run is being trained in another tab. Continue it there, or close that tab first.');
  }

  /**
   * Holds the lock of all training on this database until the returned function is called; null when another worker holds it. A
   * second lock, named by the run, tells the other tabs which run is trained.
   */
  async lockTraining(runId: string): Promise<(() => void) | null> {
    const releaseTraining = await acquire(this.#training);
    if (releaseTraining === null) return null;
    const releaseName = await acquire(this.#trainingPrefix + runId);
    return () => {
      releaseName?.();
      releaseTraining();
    };
  }

  /** Id of the run in training anywhere in this browser, or null. */
  async training(): Promise<string | null> {
    const [runId] = await this.#heldWith(this.#trainingPrefix);
    return runId ?? null;
  }

  /** Ids of the runs whose locks are held anywhere in this browser. */
  async locked(): Promise<ReadonlySet<string>> {
    return new Set(await this.#heldWith(this.#runPrefix));
  }

  async #heldWith(prefix: string): Promise<readonly string[]> {
    const { held = [] } = await navigator.locks.query();
    return held.flatMap(({ name = '' }) => (name.startsWith(prefix) ? [name.slice(prefix.length)] : []));
  }
}

/** The function that releases the lock, or null when another holder kept it for `WAIT_MS`. */
function acquire(name: string): Promise<(() => void) | null> {
  return new Promise((resolve, reject) => {
    const hold = () => new Promise<void>((release) => resolve(() => release()));
    navigator.locks.request(name, { signal: AbortSignal.timeout(WAIT_MS) }, hold).catch((error: unknown) => {
      if (error instanceof DOMException && error.name === 'TimeoutError') resolve(null);
      else reject(error instanceof Error ? error : new Error(String(error)));
    });
  });
}
