/** Balances labels: which rows of frequent ones are left out, or how often rows of rare ones are repeated. By a random number of each row. */

import { randomBits, STREAM } from '../../core/random';

/** The rows of each label as random numbers: 8 bytes a row. */
export class LabelDraws {
  readonly #draws = new Map<string, number[]>();

  /** `draw`: the random number of the row. */
  add(label: string, draw: number): void {
    const draws = this.#draws.get(label);
    if (draws === undefined) this.#draws.set(label, [draw]);
    else draws.push(draw);
  }

  counts(): ReadonlyMap<string, number> {
    return new Map([...this.#draws].map(([label, draws]) => [label, draws.length]));
  }

  /** Tells whether a row stays. `ratio`: the most rows of a label to the fewest, at least 1. */
  down(ratio: number): (label: string, draw: number) => boolean {
    const most = Math.round(ratio * Math.min(...this.#sizes()));
    const last = this.#each((draws) => nth(draws, most) ?? Infinity);
    return (label, draw) => draw <= (last.get(label) ?? Infinity);
  }

  /** Tells how many copies of a row are added. `ratio` as before; each row of a label has as many copies as another, or one more. */
  up(ratio: number): (label: string, draw: number) => number {
    const fewest = Math.ceil(Math.max(0, ...this.#sizes()) / ratio);
    const plans = this.#each((draws) => {
      const added = Math.max(0, fewest - draws.length);
      const rest = added % draws.length;
      return { all: Math.floor(added / draws.length), last: rest === 0 ? -Infinity : (nth(draws, rest) ?? -Infinity) };
    });
    return (label, draw) => {
      const { all, last } = plans.get(label) ?? { all: 0, last: -Infinity };
      return all + (draw <= last ? 1 : 0);
    };
  }

  #sizes(): number[] {
    return [...this.#draws.values()].map(({ length }) => length);
  }

  #each<T>(plan: (draws: readonly number[]) => T): ReadonlyMap<string, T> {
    return new Map([...this.#draws].map(([label, draws]) => [label, plan(draws)]));
  }
}

/** The number at place `place` in ascending order, counted from 1. */
const nth = (numbers: readonly number[], place: number): number | undefined => Float64Array.from(numbers).sort()[place - 1];

/**
 * The random number of row `row` in the order of reading: 32 random bits and the number below them, so that no two of the first two
 * million rows have the same one. Lines would not do: rows of a file may share one.
 */
export function drawOf(seed: number, row: number): number {
  return randomBits(seed, 0, STREAM.balance, row) * 2 ** 21 + (row % 2 ** 21);
}
