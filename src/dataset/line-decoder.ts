/** Decodes a file piece by piece, and remembers on which lines it had to be repaired. */

import type { Encoding } from './encoding';

/** Lines: how many, and the first of them. */
export interface Lines {
  readonly count: number;
  readonly first: readonly number[];
}

export interface Repairs {
  /** Lines with bytes that the encoding does not have. */
  readonly invalid: Lines;
  /** Lines with null characters, which are left out. */
  readonly nulls: Lines;
}

const MOST_LINES = 5;

export class LineDecoder {
  readonly #decoder: TextDecoder;
  readonly #loneReturns: boolean;
  readonly #invalid = new LineList();
  readonly #nulls = new LineList();
  /** The line that the next character belongs to. */
  #line = 1;

  constructor({ label, loneReturns }: Encoding) {
    this.#decoder = new TextDecoder(label);
    this.#loneReturns = loneReturns;
  }

  get repairs(): Repairs {
    return { invalid: this.#invalid, nulls: this.#nulls };
  }

  decode(piece: Uint8Array): string {
    return this.#clean(this.#decoder.decode(piece, { stream: true }));
  }

  end(): string {
    return this.#clean(this.#decoder.decode());
  }

  #clean(decoded: string): string {
    const text = this.#loneReturns ? decoded.replaceAll('\r', '\n') : decoded;
    const doubtful = text.includes('\ufffd') || text.includes('\0');
    if (doubtful) text.split('\n').forEach((line, index) => this.#note(line, this.#line + index));
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) this.#line++;
    return doubtful ? text.replaceAll('\0', '') : text;
  }

  #note(text: string, line: number): void {
    if (text.includes('\ufffd')) this.#invalid.add(line);
    if (text.includes('\0')) this.#nulls.add(line);
  }
}

class LineList implements Lines {
  readonly first: number[] = [];
  count = 0;
  #last = 0;

  /** Lines come in order; one that is in two pieces counts once. */
  add(line: number): void {
    if (line === this.#last) return;
    this.#last = line;
    this.count++;
    if (this.first.length < MOST_LINES) this.first.push(line);
  }
}
