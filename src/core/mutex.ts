/** Mutual exclusion of asynchronous tasks. */

/** Runs one task at a time, in the order of the calls. A task that fails does not affect the next. */
export class Mutex {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(task: () => T | Promise<T>): Promise<T> {
    const result = this.#last.then(task, task);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
