/**
 * Parses JSON (RFC 8259) of untrusted headers. Unlike JSON.parse, it keeps repeated keys (JSON.parse takes the last) and whole
 * numbers over 2^53 (JSON.parse rounds them).
 */

/** Objects have all their members in order. Whole numbers that a double would round are bigints. */
export type Json = null | boolean | number | bigint | string | readonly Json[] | JsonObject;

export class JsonObject {
  readonly members: readonly (readonly [string, Json])[];

  constructor(members: readonly (readonly [string, Json])[]) {
    this.members = members;
  }

  /** The value of the last member of this name, as with JSON.parse; undefined when there is none. */
  get(key: string): Json | undefined {
    return this.members.findLast(([name]) => name === key)?.[1];
  }

  /** Keys that occur more than once, each listed once. */
  repeated(): string[] {
    const seen = new Set<string>();
    const twice = new Set<string>();
    for (const [key] of this.members) (seen.has(key) ? twice : seen).add(key);
    return [...twice];
  }
}

const MAX_DEPTH = 32;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/** The white space of JSON: space, tab, line feed, carriage return. */
const isSpace = (code: number) => code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d;

/** Parses all of `text`. Throws a SyntaxError with the position of the first error. */
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
    if (this.#at < this.#text.length) throw this.#error('the end');
    return value;
  }

  #error(expected: string): SyntaxError {
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

  /** Consumes `mark` if it is next after white space. */
  #take(mark: string): boolean {
    this.#skipSpace();
    if (!this.#text.startsWith(mark, this.#at)) return false;
    this.#at += mark.length;
    return true;
  }

  #value(depth: number): Json {
    if (depth > MAX_DEPTH) throw this.#error(`at most ${MAX_DEPTH} nested levels`);
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
    if (!this.#take(close)) throw this.#error(`"," or "${close}"`);
    return items;
  }

  #member(depth: number): readonly [string, Json] {
    this.#skipSpace();
    const key = this.#string();
    if (!this.#take(':')) throw this.#error('":"');
    return [key, this.#value(depth + 1)];
  }

  /** Finds the closing quote; JSON.parse checks escapes and control characters. */
  #string(): string {
    const start = this.#at;
    if (this.#text[start] !== '"') throw this.#error('a string');
    let end = start + 1;
    while (end < this.#text.length && this.#text[end] !== '"') end += this.#text[end] === '\\' ? 2 : 1;
    if (end >= this.#text.length) throw this.#error('a string with a closing quote');
    this.#at = end + 1;
    return JSON.parse(this.#text.slice(start, this.#at)) as string;
  }

  #number(): number | bigint {
    const source = this.#match(NUMBER);
    if (source === null) throw this.#error('a value');
    const value = Number(source);
    return /^-?\d+$/.test(source) && !Number.isSafeInteger(value) ? BigInt(source) : value;
  }
}
