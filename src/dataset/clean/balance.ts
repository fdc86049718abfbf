/** Balances labels: leaves out rows of frequent ones. Which rows is a function of the seed and their number. */

import { randomBits, STREAM } from '../../core/random';

/** The rows of each label as random numbers: 8 bytes a row. */
export class LabelDraws {
  readonly #draws = new Map<string, number[]>();
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** `row`: its number in the order of reading. Lines would not do: rows of a file may share one. */
  add(label: string, row: number): void {
    const draws = this.#draws.get(label);
    const draw = drawOf(this.#seed, row);
    if (draws === undefined) this.#draws.set(label, [draw]);
    else draws.push(draw);
  }

  counts(): ReadonlyMap<string, number> {
    return new Map([...this.#draws].map(([label, draws]) => [label, draws.length]));
  }

  /** Tells whether a row stays. `ratio`: the most rows of a label to the fewest, at least 1. */
  plan(ratio: number): (label: string, row: number) => boolean {
    const most = Math.round(ratio * Math.min(...[...this.#draws.values()].map(({ length }) => length)));
    // The random number of the last row that stays.
    const last = new Map(
      [...this.#draws].map(([label, draws]) => [label, Float64Array.from(draws).sort()[most - 1] ?? Infinity]),
    );
    return (label, row) => drawOf(this.#seed, row) <= (last.get(label) ?? Infinity);
  }
}

/** 32 random bits and the number below them, so that no two of the first two million rows have the same one. */
function drawOf(seed: number, row: number): number {
  return randomBits(seed, 0, STREAM.balance, row) * 2 ** 21 + (row % 2 ** 21);
}
