/**
 * JSON as RFC 8259 has it, keeping what JSON.parse hides: repeated keys (it silently takes the last) and whole numbers over
 * 2^53 (it rounds them). For headers whose bytes are not to be trusted.
 */

/** Objects keep all their members in order. A whole number too large for a double without rounding is a bigint. */
export type Json = null | boolean | number | bigint | string | readonly Json[] | JsonObject;

export class JsonObject {
  readonly members: readonly (readonly [string, Json])[];

  constructor(members: readonly (readonly [string, Json])[]) {
    this.members = members;
  }

  /** The value of the last member of this name, as JSON.parse would give; undefined when there is none. */
  get(key: string): Json | undefined {
    return this.members.findLast(([name]) => name === key)?.[1];
  }

  /** Keys that occur more than once, each named once. */
  repeated(): string[] {
    const seen = new Set<string>();
    const twice = new Set<string>();
    for (const [key] of this.members) (seen.has(key) ? twice : seen).add(key);
    return [...twice];
  }
}

const MAX_DEPTH = 32;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/** Space, tab, line feed, carriage return: what JSON takes for white space. */
const isSpace = (code: number) => code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d;

/** Parses all of `text`; throws a SyntaxError with the position of the first fault. */
export function parseStrict(text: string): Json {
  return new Parser(text).whole();
}

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): Json {
    const value = this.#value(0);
    this.#skipSpace();
    if (this.#at < this.#text.length) throw this.#fault('the end');
    return value;
  }

  #fault(expected: string): SyntaxError {
    const found = this.#at < this.#text.length ? JSON.stringify(this.#text.slice(this.#at, this.#at + 12)) : 'the end';
    return new SyntaxError(`expected ${expected} at character ${this.#at}, found ${found}`);
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? null;
    if (found !== null) this.#at += found.length;
    return found;
  }

  #skipSpace(): void {
    while (isSpace(this.#text.charCodeAt(this.#at))) this.#at++;
  }

  /** Takes `mark` if it comes next, past white space. */
  #take(mark: string): boolean {
    this.#skipSpace();
    if (!this.#text.startsWith(mark, this.#at)) return false;
    this.#at += mark.length;
    return true;
  }

  #value(depth: number): Json {
    if (depth > MAX_DEPTH) throw this.#fault(`at most ${MAX_DEPTH} nested levels`);
    if (this.#take('{')) return new JsonObject(this.#list('}', () => this.#member(depth)));
    if (this.#take('[')) return this.#list(']', () => this.#value(depth + 1));
    if (this.#take('true')) return true;
    if (this.#take('false')) return false;
    if (this.#take('null')) return null;
    return this.#text[this.#at] === '"' ? this.#string() : this.#number();
  }

  #list<T>(close: string, item: () => T): T[] {
    const items: T[] = [];
    if (this.#take(close)) return items;
    do items.push(item());
    while (this.#take(','));
    if (!this.#take(close)) throw this.#fault(`"," or "${close}"`);
    return items;
  }

  #member(depth: number): readonly [string, Json] {
    this.#skipSpace();
    const key = this.#string();
    if (!this.#take(':')) throw this.#fault('":"');
    return [key, this.#value(depth + 1)];
  }

  /** Finds the closing quote; JSON.parse then checks the escapes and refuses control characters. */
  #string(): string {
    const start = this.#at;
    if (this.#text[start] !== '"') throw this.#fault('a string');
    let end = start + 1;
    while (end < this.#text.length && this.#text[end] !== '"') end += this.#text[end] === '\\' ? 2 : 1;
    if (end >= this.#text.length) throw this.#fault('a string with a closing quote');
    this.#at = end + 1;
    return JSON.parse(this.#text.slice(start, this.#at)) as string;
  }

  #number(): number | bigint {
    const source = this.#match(NUMBER);
    if (source === null) throw this.#fault('a value');
    const value = Number(source);
    return /^-?\d+$/.test(source) && !Number.isSafeInteger(value) ? BigInt(source) : value;
  }
}
