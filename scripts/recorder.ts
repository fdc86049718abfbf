/** Follows a page from outside: its journal (the `finetab` events of its window), its crashes and uncaught errors. */

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

  /** Starts to follow `page`; call before it is opened. `onEvent` gets each event as it comes. */
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

  /** The first event `name` from number `from` on, waiting for it if need be. Rejects when the page fails or `ms` pass. */
  async next<N extends EventName>(name: N, ms: number, from = 0): Promise<Named<N>> {
    const found = () => this.events.slice(from).find((event): event is Named<N> => event.event === name);
    await this.until(() => found() !== undefined, ms, `the event "${name}"`);
    const event = found();
    if (event === undefined) throw new Error(`internal: event ${name} was there and is gone`);
    return event;
  }

  /** Waits for `condition`, looked at after each event. Rejects when the page fails or `ms` pass. */
  until(condition: () => boolean, ms: number, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (finish: () => void): void => {
        clearTimeout(timer);
        this.#listeners.delete(look);
        finish();
      };
      const look = (): void => {
        if (this.#failure !== null) end(() => reject(this.#failure ?? new Error()));
        else if (condition()) end(resolve);
      };
      const late = `Waited ${Math.round(ms / 1000)} s for ${what}, in vain.`;
      const timer = setTimeout(() => end(() => reject(new PageError('page/timeout', late))), ms);
      this.#listeners.add(look);
      look();
    });
  }

  /** `work` on the page; rejects as soon as the page fails, with the page's own reason. */
  during<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (this.#failure !== null) reject(this.#failure);
      };
      this.#listeners.add(look);
      look();
      work.then(resolve, reject).finally(() => this.#listeners.delete(look));
    });
  }

  /** What the page has failed with, or null. */
  get failure(): PageError | null {
    return this.#failure;
  }

  /** Takes note of a failure that was expected, and goes on. */
  forgive(): PageError | null {
    const failure = this.#failure;
    this.#failure = null;
    return failure;
  }

  #take(event: JournalEvent): void {
    this.events.push(event);
    if (event.event === 'error') this.#fail(new PageError(event.code, event.message));
    else this.#tell();
  }

  #fail(failure: PageError): void {
    this.#failure ??= failure;
    this.#tell();
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
