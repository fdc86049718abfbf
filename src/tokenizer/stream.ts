/** Turns ids into text one at a time, holding back bytes until they make a whole character. */

import type { TextTokenizer } from './tokenizer';

/** The start of a character is at most three bytes: more of these in a row at the end are bytes that are no UTF-8. */
const UNFINISHED = /(?<!\ufffd)\ufffd{1,3}$/;

export class TextStream {
  readonly #tokenizer: TextTokenizer;
  readonly #skipSpecial: boolean;
  /** Tokens that are already out but decide on the space before the next one, then tokens that wait. */
  #window: number[];
  #done: number;

  /** `context`: the ids before the first one pushed, so that text which continues a prompt keeps its leading space. */
  constructor(tokenizer: TextTokenizer, options: { readonly context?: readonly number[]; readonly skipSpecial: boolean }) {
    this.#tokenizer = tokenizer;
    this.#skipSpecial = options.skipSpecial;
    this.#window = options.context?.slice(-6) ?? [];
    this.#done = this.#window.length;
  }

  /** The text that `id` completes: often its own, empty inside a character. */
  push(id: number): string {
    this.#window.push(id);
    const text = this.#pending();
    if (text === '' || UNFINISHED.test(text)) return '';
    this.#settle();
    return text;
  }

  /** What is left, with U+FFFD for bytes that never made a character. */
  flush(): string {
    const text = this.#pending();
    this.#settle();
    return text;
  }

  #pending(): string {
    const before = this.#decode(this.#window.slice(0, this.#done));
    return this.#decode(this.#window).slice(before.length);
  }

  /** Keeps the tokens just given out as the context of the next. */
  #settle(): void {
    this.#window = this.#window.slice(this.#done);
    this.#done = this.#window.length;
  }

  #decode(ids: readonly number[]): string {
    return this.#tokenizer.decode(ids, { skipSpecial: this.#skipSpecial });
  }
}
