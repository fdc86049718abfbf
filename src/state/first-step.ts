/** Measures the time from the click to the first step, phase by phase. Pure; times in milliseconds of one clock. */

export interface Lap {
  readonly phase: string;
  readonly seconds: number;
}

export interface FirstStep {
  /** From the click to the first step's loss. */
  readonly seconds: number;
  /** Its phases in their order; they add up to `seconds`. */
  readonly laps: readonly Lap[];
}

export class FirstStepWatch {
  readonly #clicked: number;
  readonly #entered: { readonly phase: string; readonly at: number }[] = [];

  constructor(clicked: number) {
    this.#clicked = clicked;
  }

  /** Begins a phase; has no effect when it is under way. */
  enter(phase: string, at: number): void {
    if (this.#entered.at(-1)?.phase !== phase) this.#entered.push({ phase, at });
  }

  /** The first step was trained. */
  end(at: number): FirstStep {
    const ends = [...this.#entered.slice(1).map((lap) => lap.at), at];
    const laps = this.#entered.map(({ phase, at: began }, i) => ({ phase, seconds: ((ends[i] ?? at) - began) / 1000 }));
    return { seconds: (at - this.#clicked) / 1000, laps };
  }
}
