/** What one rendering of a template may take: steps, the length of texts, and the size of lists. */

import type { Interpreter } from '@huggingface/jinja';

type Value = ReturnType<Interpreter['evaluate']>;

/** A template went past what a rendering may take. */
export class RenderLimit extends Error {}

/** Some seconds. A conversation of 1,000 turns takes fewer than 100,000 in published templates. */
const MAX_STEPS = 10_000_000;

/** Characters of a text. */
const MAX_TEXT = 2 ** 24;

/** Parts of a list or object, counted as often as they would be written. */
const MAX_PARTS = 2 ** 20;

/** Steps to read a character of a text, to read a part of a list, and to begin a round of a loop. */
const STEPS = { character: 1 / 256, part: 1 / 4, round: 6 } as const;

/** What an operation does with the values that it asks for: it looks at all of one, goes through a list, or takes the same time for any. */
export type Use = 'reads' | 'loops' | 'takes';

export class RenderBudget {
  #steps = 0;
  /** Of each list and object that was seen, the parts. A value in many places counts in each. */
  readonly #parts = new WeakMap<Value, number>();

  /** Counts a step, and the time for what is done with the value. Throws `RenderLimit`. */
  spend(value: Value, use: Use): void {
    const { value: held } = value;
    this.#steps += 1;
    if (typeof held === 'string') {
      if (held.length > MAX_TEXT) throw new RenderLimit(`makes a text of more than ${MAX_TEXT / 2 ** 20} million characters`);
      this.#steps += held.length * STEPS.character;
    } else if (typeof held === 'object' && held !== null) {
      const known = this.#parts.has(value);
      const parts = this.#count(value);
      if (use === 'reads' || !known) this.#steps += parts * STEPS.part;
      if (use === 'loops') this.#steps += (Array.isArray(held) ? held.length : held.size) * STEPS.round;
    }
    if (this.#steps > MAX_STEPS) throw new RenderLimit(`takes more than ${MAX_STEPS / 1e6} million steps`);
  }

  /** Counts the parts of a value again, after one was added. */
  regrow(value: Value): void {
    this.#parts.delete(value);
    this.#count(value);
  }

  #count(value: Value): number {
    const known = this.#parts.get(value);
    if (known !== undefined) return known;
    const { value: held } = value;
    if (typeof held === 'string') return 1 + held.length * STEPS.character;
    if (typeof held !== 'object' || held === null) return 1;
    // Ends the count of a namespace that holds itself.
    this.#parts.set(value, 1);
    let parts = 1;
    for (const one of held.values() as Iterable<Value>) parts += this.#count(one);
    if (parts > MAX_PARTS) throw new RenderLimit(`makes a list of more than ${MAX_PARTS / 2 ** 20} million parts`);
    this.#parts.set(value, parts);
    return parts;
  }
}
