/** Seeded draws for files of the fuzz: file `number` of a seed is the same on every machine. */

import { STREAM, uniform } from '../../src/core/random';

export class Draws {
  readonly #seed: number;
  readonly #file: number;
  #drawn = 0;

  constructor(seed: number, file: number) {
    this.#seed = seed;
    this.#file = file;
  }

  /** A whole number from 0 to `count` − 1. */
  below(count: number): number {
    return Math.floor(uniform(this.#seed, this.#file, STREAM.sample, this.#drawn++) * count);
  }

  chance(share: number): boolean {
    return this.below(1_000_000) < share * 1_000_000;
  }

  /** One of a list that is not empty. */
  one<T>(list: readonly [T, ...T[]]): T {
    return list[this.below(list.length)] ?? list[0];
  }

  list<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.below(most + 1) }, make);
  }
}
