/** Notices a run that hangs: no event comes from it for much longer than usual. Pure; times in milliseconds of one clock. */

export interface SilenceLimits {
  /** Longest silence before the first step, while kernels are compiled. */
  readonly beforeFirstStep: number;
  /** Longest silence after it, for a run whose events come quickly. */
  readonly training: number;
}

export const SILENCE_LIMITS: SilenceLimits = { beforeFirstStep: 300_000, training: 60_000 };

/** A silence longer than the limit. */
export interface Silence {
  /** Time of the last event. */
  readonly since: number;
  /** The limit that was exceeded. */
  readonly limit: number;
  /** Longest time between two events of this run before. */
  readonly usual: number;
}

/** A silence counts as a hang when it is this many times as long as the longest before it. */
const TIMES_USUAL = 8;

/** The page checks once a second, and once a minute while it is hidden. When it did not check for longer, the computer slept. */
const ASLEEP_MS = 90_000;

export class Watchdog {
  readonly #limits: SilenceLimits;
  readonly #clock: () => number;
  /** Last event. */
  #heardAt: number;
  /** Start of the silence that counts: the last event, the last `keepWaiting`, or the end of a sleep. */
  #quietFrom: number;
  /** Last call of any method. */
  #calledAt: number;
  /** End of the last sleep. */
  #awakeFrom = -Infinity;
  #usual = 0;
  #stepped = false;

  constructor(limits: SilenceLimits = SILENCE_LIMITS, clock: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#clock = clock;
    this.#heardAt = this.#quietFrom = this.#calledAt = clock();
  }

  /** An event came; `isStep` when it is a trained step. */
  heard(isStep: boolean): void {
    const now = this.#now();
    this.#usual = Math.max(this.#usual, now - Math.max(this.#heardAt, this.#awakeFrom));
    this.#heardAt = this.#quietFrom = now;
    this.#stepped ||= isStep;
  }

  /** The silence, if it is longer than the limit; else null. */
  check(): Silence | null {
    const now = this.#now();
    const least = this.#stepped ? this.#limits.training : this.#limits.beforeFirstStep;
    const limit = Math.max(least, TIMES_USUAL * this.#usual);
    return now - this.#quietFrom > limit ? { since: this.#heardAt, limit, usual: this.#usual } : null;
  }

  /** Accepts the silence so far; `check` reports it again after another time of the limit. */
  keepWaiting(): void {
    this.#quietFrom = this.#now();
  }

  #now(): number {
    const now = this.#clock();
    if (now - this.#calledAt > ASLEEP_MS) this.#awakeFrom = this.#quietFrom = now;
    this.#calledAt = now;
    return now;
  }
}
