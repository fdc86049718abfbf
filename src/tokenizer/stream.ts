/** Decodes ids one at a time, and keeps bytes until they are a whole character. */

import type { TextTokenizer } from './tokenizer';

/** An incomplete character has at most three bytes; more replacement characters at the end are invalid UTF-8. */
const UNFINISHED = /(?<!\ufffd)\ufffd{1,3}$/;

export class TextStream {
  readonly #tokenizer: TextTokenizer;
  readonly #skipSpecial: boolean;
  /** Tokens already decoded, which decide whether a space precedes the next one, then pending tokens. */
  #window: number[];
  #done: number;

  /** `context`: the ids before the first one pushed, so that text which continues a prompt keeps its leading space. */
  constructor(tokenizer: TextTokenizer, options: { readonly context?: readonly number[]; readonly skipSpecial: boolean }) {
    this.#tokenizer = tokenizer;
    this.#skipSpecial = options.skipSpecial;
    this.#window = options.context?.slice(-6) ?? [];
    this.#done = this.#window.length;
  }

  /** The text that `id` completes; empty inside a character. */
  push(id: number): string {
    this.#window.push(id);
    const text = this.#pending();
    if (text === '' || UNFINISHED.test(text)) return '';
    this.#settle();
    return text;
  }

  /** The pending text, with U+FFFD for incomplete characters. */
  flush(): string {
    const text = this.#pending();
    this.#settle();
    return text;
  }

  #pending(): string {
    const before = this.#decode(this.#window.slice(0, this.#done));
    return this.#decode(this.#window).slice(before.length);
  }

  /** Keeps the tokens just decoded as the context of the next. */
  #settle(): void {
    this.#window = this.#window.slice(this.#done);
    this.#done = this.#window.length;
  }

  #decode(ids: readonly number[]): string {
    return this.#tokenizer.decode(ids, { skipSpecial: this.#skipSpecial });
  }
}
