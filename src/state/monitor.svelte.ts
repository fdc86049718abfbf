/** Monitors a run under way: reports a hang, and a pause or stop that is not carried out. */

import { SILENCE_LIMITS, Watchdog, type SilenceLimits } from './watchdog';

/** A run that sends no more events. */
export interface Hang {
  /** When its last event came, milliseconds since 1970. */
  readonly since: number;
  /** The limit that the silence exceeded, in seconds. */
  readonly limit: number;
  /** Longest time between two events before, in seconds. */
  readonly usual: number;
}

const CHECK_MS = 1000;
/** After this time the page offers not to wait for the step under way. */
const PATIENCE_MS = 10_000;

export class Monitor {
  hang = $state.raw<Hang | null>(null);
  /** The run has not ended, although it was asked to pause or stop 10 s ago. */
  overdue = $state(false);
  /** The run was asked to pause or stop. */
  endExpected = $state(false);
  #limits: SilenceLimits = SILENCE_LIMITS;
  #dog: Watchdog | null = null;
  #askedAt: number | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Sets the limits of later runs. */
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
    this.overdue = this.endExpected = false;
  }

  /** An event came; `isStep` when it is a trained step. */
  heard(isStep: boolean): void {
    this.#dog?.heard(isStep);
    this.hang = null;
  }

  /** The run was asked to pause or stop; `false` when the request failed. */
  expectEnd(asked: boolean): void {
    this.#askedAt = asked ? performance.now() : null;
    this.overdue = false;
    this.endExpected = asked;
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
