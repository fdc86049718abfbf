/** Follows a page from outside: its journal (the `finetab` events of its window), crashes and uncaught errors. */

import type { Page } from 'playwright-core';
import type { JournalEvent } from '../src/state/journal.svelte';

export type { JournalEvent };
export type EventName = JournalEvent['event'];
type Named<N extends EventName> = Extract<JournalEvent, { event: N }>;

/** Something that went wrong in the page: an `error` of its journal, a crash, or an uncaught exception. */
export class PageError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = code;
    this.code = code;
  }
}

export class Recorder {
  readonly events: JournalEvent[] = [];
  readonly #listeners = new Set<() => void>();
  #failure: PageError | null = null;

  /** Starts to follow `page`; call it before `page.goto`. `onEvent` gets each event as it arrives. */
  static async attach(page: Page, onEvent: (event: JournalEvent) => void = () => undefined): Promise<Recorder> {
    const recorder = new Recorder();
    await page.exposeBinding('finetabJournal', (_source, event: JournalEvent) => {
      recorder.#take(event);
      onEvent(event);
    });
    await page.addInitScript(() => {
      addEventListener('finetab', (event) => {
        const { finetabJournal } = globalThis as unknown as { finetabJournal: (detail: unknown) => void };
        finetabJournal((event as CustomEvent<unknown>).detail);
      });
    });
    page.on('crash', () =>
      recorder.#fail(new PageError('page/crashed', 'The page crashed. It ran out of memory, or the browser has a bug.')),
    );
    page.on('pageerror', (error) => recorder.#fail(new PageError('page/error', `Uncaught in the page: ${error.message}`)));
    return recorder;
  }

  /**
   * The first event `name` from number `from` on, waiting for it if it has not come yet. Rejects when the page fails, or reports
   * nothing at all for `patience` ms: any event of the journal is progress and restarts the wait.
   */
  async next<N extends EventName>(name: N, patience: number, from = 0): Promise<Named<N>> {
    const found = () => this.events.slice(from).find((event): event is Named<N> => event.event === name);
    await this.until(() => found() !== undefined, patience, `the event "${name}"`);
    const event = found();
    if (event === undefined) throw new Error(`internal: the event ${name} was recorded and then removed`);
    return event;
  }

  /** Waits until `condition` holds, which is checked after each event. Rejects as `next` does; `what` names the condition. */
  until(condition: () => boolean, patience: number, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (finish: () => void): void => {
        clearTimeout(timer);
        this.#listeners.delete(check);
        finish();
      };
      const silent = `The page reported nothing for ${Math.round(patience / 1000)} s. Expected: ${what}.`;
      const wait = () => setTimeout(() => end(() => reject(new PageError('page/timeout', silent))), patience);
      const check = (): void => {
        clearTimeout(timer);
        const failure = this.#failure;
        if (failure !== null) end(() => reject(failure));
        else if (condition()) end(resolve);
        else timer = wait();
      };
      let timer = wait();
      this.#listeners.add(check);
      check();
    });
  }

  /** Resolves with `work`; rejects as soon as the page fails, with the page's own reason. */
  during<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const check = (): void => {
        if (this.#failure !== null) reject(this.#failure);
      };
      this.#listeners.add(check);
      check();
      work.then(resolve, reject).finally(() => this.#listeners.delete(check));
    });
  }

  /** The page's failure, or null. */
  get failure(): PageError | null {
    return this.#failure;
  }

  /** Returns the failure, which the caller expected, and clears it. */
  forgive(): PageError | null {
    const failure = this.#failure;
    this.#failure = null;
    return failure;
  }

  #take(event: JournalEvent): void {
    this.events.push(event);
    if (event.event === 'error') this.#fail(new PageError(event.code, event.message));
    else this.#notify();
  }

  #fail(failure: PageError): void {
    this.#failure ??= failure;
    this.#notify();
  }

  #notify(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
