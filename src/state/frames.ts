/** Collects items and passes them on some times a second. */

/** Schedules `run`; returns a function that cancels it. */
export type Scheduler = (run: () => void) => () => void;

/** Between two draws. A draw takes some 25 ms of a core, which a run on the processor needs: one for each step slowed the steps by a tenth. */
const EVERY_MS = 200;

export const soon: Scheduler = (run) => {
  const timer = setTimeout(run, EVERY_MS);
  return () => clearTimeout(timer);
};

export class Frames<T> {
  readonly #take: (items: readonly T[]) => void;
  readonly #schedule: Scheduler;
  #waiting: T[] = [];
  #cancel: (() => void) | null = null;

  constructor(take: (items: readonly T[]) => void, schedule: Scheduler = soon) {
    this.#take = take;
    this.#schedule = schedule;
  }

  add(item: T): void {
    this.#waiting.push(item);
    this.#cancel ??= this.#schedule(() => this.flush());
  }

  /** Passes on the waiting items now. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = null;
    const items = this.#waiting;
    this.#waiting = [];
    if (items.length > 0) this.#take(items);
  }
}
