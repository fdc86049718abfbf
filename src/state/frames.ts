/** Collects items and passes them on once per frame, or four times a second while the page is hidden. */

/** Schedules `run`; returns a function that cancels it. */
export type Scheduler = (run: () => void) => () => void;

/** Runs at the next frame or after 250 ms, whichever comes first: a hidden page draws no frames. */
export const nextFrame: Scheduler = (run) => {
  const frame = requestAnimationFrame(run);
  const timer = setTimeout(run, 250);
  return () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
  };
};

export class Frames<T> {
  readonly #take: (items: readonly T[]) => void;
  readonly #schedule: Scheduler;
  #waiting: T[] = [];
  #cancel: (() => void) | null = null;

  constructor(take: (items: readonly T[]) => void, schedule: Scheduler = nextFrame) {
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
