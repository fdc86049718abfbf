/** Gathers what arrives and hands it on once a frame, or four times a second while the page is hidden. */

/** Calls `run` before long; returns a function that calls it off. */
export type Scheduler = (run: () => void) => () => void;

/** A hidden page draws no frames, so a timer stands beside the frame: whichever comes first. */
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

  /** Hands on at once what is waiting. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = null;
    const items = this.#waiting;
    this.#waiting = [];
    if (items.length > 0) this.#take(items);
  }
}
