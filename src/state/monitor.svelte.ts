/** Watches a run under way: reports that it hangs, and that it does not carry out a pause or stop. */

import { SILENCE_LIMITS, Watchdog, type SilenceLimits } from './watchdog';

/** A run from which nothing comes any more. */
export interface Hang {
  /** When its last event came, milliseconds since 1970. */
  readonly since: number;
  /** Seconds of silence that were exceeded. */
  readonly limit: number;
  /** Seconds that passed at most between two events before. */
  readonly usual: number;
}

const CHECK_MS = 1000;
/** A step takes longer than this on slow devices only; then the page offers not to wait for it. */
const PATIENCE_MS = 10_000;

export class Monitor {
  hang = $state.raw<Hang | null>(null);
  /** A pause or stop was asked for some time ago, and the run has not ended. */
  overdue = $state(false);
  #limits: SilenceLimits = SILENCE_LIMITS;
  #dog: Watchdog | null = null;
  #askedAt: number | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Limits for the runs to come. */
  limit(limits: SilenceLimits): void {
    this.#limits = limits;
  }

  begin(): void {
    this.end();
    this.#dog = new Watchdog(this.#limits);
    this.#timer = setInterval(() => this.#check(), CHECK_MS);
  }

  end(): void {
    clearInterval(this.#timer);
    this.#dog = this.#askedAt = this.hang = null;
    this.overdue = false;
  }

  /** A sign of life; `isStep` when it is a trained step. */
  heard(isStep: boolean): void {
    this.#dog?.heard(isStep);
    this.hang = null;
  }

  /** The run was asked to end, or (`false`) could not be asked. */
  expectEnd(asked: boolean): void {
    this.#askedAt = asked ? performance.now() : null;
    this.overdue = false;
  }

  keepWaiting(): void {
    this.#dog?.keepWaiting();
    this.hang = null;
  }

  #check(): void {
    const silence = this.#dog?.check() ?? null;
    if (silence !== null && this.hang === null) {
      const { since, limit, usual } = silence;
      const elapsed = performance.now() - since;
      this.hang = { since: Date.now() - elapsed, limit: limit / 1000, usual: usual / 1000 };
    }
    this.overdue = this.#askedAt !== null && performance.now() - this.#askedAt > PATIENCE_MS;
  }
}
