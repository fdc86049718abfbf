/** One worker behind one object: started when first needed, and replaced after it died. */

import { proxy, wrap, type Remote } from 'comlink';
import { CodedError, codeOf } from '../core/errors';

/** Wraps a function so that a worker can call it. */
export const callback = <T extends (...args: never[]) => unknown>(fn: T): T => proxy(fn);

interface Living<Api> {
  readonly worker: Worker;
  readonly api: Remote<Api>;
  /** Rejects when the worker dies; never resolves. */
  readonly death: Promise<never>;
  readonly die: (error: Error) => void;
}

export class WorkerClient<Api> {
  readonly #name: string;
  readonly #spawn: () => Worker;
  readonly #deathListeners = new Set<() => void>();
  #living: Living<Api> | null = null;

  constructor(name: string, spawn: () => Worker) {
    this.#name = name;
    this.#spawn = spawn;
  }

  /** Calls the worker, starting it if need be. Rejects with `worker/died` when it dies before it answers. */
  async call<T>(use: (api: Remote<Api>) => Promise<T>): Promise<T> {
    const living = this.#start();
    return Promise.race([use(living.api), living.death]);
  }

  /** A call that changes nothing: when the worker dies before it answers, the next one is asked. */
  async ask<T>(use: (api: Remote<Api>) => Promise<T>): Promise<T> {
    try {
      return await this.call(use);
    } catch (error) {
      if (codeOf(error) !== 'worker/died') throw error;
      return await this.call(use);
    }
  }

  /** Ends the worker as if it had crashed: calls under way reject, the next call starts a new one. */
  kill(reason = 'it was ended'): void {
    const living = this.#living;
    if (living === null) return;
    this.#living = null;
    living.worker.terminate();
    living.die(
      new CodedError(
        'worker/died',
        `The ${this.#name} worker died (${reason}). It has been started again; repeat the last action.`,
      ),
    );
    for (const mourner of this.#deathListeners) mourner();
  }

  /** Runs `listener` each time the worker died, so that what it held can be given to the next one. Returns a function that takes it off. */
  onDeath(listener: () => void): () => void {
    this.#deathListeners.add(listener);
    return () => this.#deathListeners.delete(listener);
  }

  #start(): Living<Api> {
    if (this.#living !== null) return this.#living;
    const worker = this.#spawn();
    let die: (error: Error) => void = () => undefined;
    const death = new Promise<never>((_, reject) => (die = reject));
    death.catch(() => undefined);
    const living = { worker, api: wrap<Api>(worker), death, die };
    const end = (reason: string): void => {
      if (this.#living === living) this.kill(reason);
    };
    worker.addEventListener('error', (event) => end(event.message === '' ? 'its script could not be loaded' : event.message));
    worker.addEventListener('messageerror', () => end('a message could not be read'));
    this.#living = living;
    return living;
  }
}
