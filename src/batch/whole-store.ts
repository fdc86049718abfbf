/** Examples in full length, in a few arrays instead of some objects for each example. */

import type { Placed } from '../dataset/row-origin';
import type { Whole } from '../encoding/encoding';
import { Growing } from './growing';

export class WholeStore {
  readonly #ids = new Growing(Int32Array);
  readonly #trained = new Growing(Uint8Array);
  /** End of each part in `ids`. */
  readonly #ends: number[] = [];
  readonly #examples: { readonly place: Placed; readonly parts: number; readonly target: readonly number[] }[] = [];

  get tokens(): number {
    return this.#ids.length;
  }

  add({ parts, target }: Whole, { line, origin }: Placed): void {
    for (const { ids, trained } of parts) {
      this.#ids.push(ids);
      this.#trained.push(trained);
      this.#ends.push(this.#ids.length);
    }
    const place = { line, ...(origin !== undefined && { origin }) };
    this.#examples.push({ place, parts: parts.length, target });
  }

  /** Every example with its place in the file, in the order in which they were added. The arrays are views. */
  *entries(): Iterable<readonly [place: Placed, example: Whole]> {
    let [part, from] = [0, 0];
    for (const { place, parts, target } of this.#examples) {
      const views = Array.from({ length: parts }, () => {
        const to = this.#ends[part++] ?? from;
        const view = { ids: this.#ids.view(from, to), trained: this.#trained.view(from, to) };
        from = to;
        return view;
      });
      yield [place, { parts: views, target }];
    }
  }
}
