/** A client of one worker, which is started at the first call and replaced after it died. */

import { proxy, wrap, type Remote } from 'comlink';
import type { Lifeline } from '../../workers/api';
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

const NO_REASON = 'it ended without an error; the browser may have run out of memory';

export class WorkerClient<Api> {
  readonly #title: string;
  readonly #spawn: (name: string) => Worker;
  readonly #deathListeners = new Set<() => void>();
  #living: Living<Api> | null = null;

  /** `title` names the worker in messages. `spawn` starts a worker under the name it gets, which no other worker has. */
  constructor(title: string, spawn: (name: string) => Worker) {
    this.#title = title;
    this.#spawn = spawn;
  }

  /** Calls the worker, starting it if necessary. Rejects with `worker/died` when it dies before it answers. */
  async call<T>(use: (api: Remote<Api>) => Promise<T>): Promise<T> {
    const living = this.#start();
    return Promise.race([use(living.api), living.death]);
  }

  /** A call that changes nothing: it is repeated with the next worker when this one dies before it answers. */
  async ask<T>(use: (api: Remote<Api>) => Promise<T>): Promise<T> {
    try {
      return await this.call(use);
    } catch (error) {
      if (codeOf(error) !== 'worker/died') throw error;
      return await this.call(use);
    }
  }

  /** Ends the worker as if it had crashed: pending calls reject with `reason` as their cause, the next call starts a new one. */
  kill(reason = 'the page ended it'): void {
    const living = this.#living;
    if (living === null) return;
    this.#living = null;
    living.worker.terminate();
    const message = `The ${this.#title} worker died: ${reason}. Repeat the last action.`;
    living.die(new CodedError('worker/died', message, [], { cause: reason }));
    for (const listener of this.#deathListeners) listener();
  }

  /** Runs `listener` each time the worker died, to restore its state in the next one. Returns a function that removes the listener. */
  onDeath(listener: () => void): () => void {
    this.#deathListeners.add(listener);
    return () => this.#deathListeners.delete(listener);
  }

  #start(): Living<Api> {
    if (this.#living !== null) return this.#living;
    const worker = this.#spawn(`finetab-${this.#title}-${uniqueId()}`);
    let die: (error: Error) => void = () => undefined;
    const death = new Promise<never>((_, reject) => (die = reject));
    death.catch(() => undefined);
    const living = { worker, api: wrap<Api>(worker), death, die };
    this.#watch(worker, (reason) => {
      if (this.#living === living) this.kill(reason);
    });
    this.#living = living;
    return living;
  }

  /** Calls `end` when the worker fails, and when it ends without an event: the browser then releases the lock that it holds. */
  #watch(worker: Worker, end: (reason: string) => void): void {
    worker.addEventListener('error', (event) => {
      event.preventDefault();
      end(event.message === '' ? 'its script could not be loaded' : event.message);
    });
    worker.addEventListener('messageerror', () => end('one of its messages could not be read'));
    worker.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
      if (isLifeline(data)) void navigator.locks.request(data.lifeline, () => end(NO_REASON));
    });
  }
}

function isLifeline(data: unknown): data is Lifeline {
  return typeof data === 'object' && data !== null && 'lifeline' in data && typeof data.lifeline === 'string';
}

/** 16 hex digits. `crypto.randomUUID` is missing on pages without https, which still have to show their help. */
function uniqueId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
