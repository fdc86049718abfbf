/** Reads the fields of a config.json and collects all problems instead of throwing at the first. */

import type { Problem } from '../core/errors';

type Raw = Readonly<Record<string, unknown>>;

/** The largest size that is accepted; a larger one is a sign of a damaged file. */
const MAX_SIZE = 2 ** 31;

export class Fields {
  /** Fields that are missing or invalid. */
  readonly problems: Problem[];
  /** Fields that are valid but not supported. */
  readonly unsupported: Problem[];
  readonly #values: Raw;
  readonly #prefix: string;

  constructor(values: Raw, problems: Problem[], unsupported: Problem[] = [], prefix = '') {
    this.#values = values;
    this.problems = problems;
    this.unsupported = unsupported;
    this.#prefix = prefix;
  }

  /** The fields of a JSON object; null, with a problem added, for other text. */
  static parse(text: string, problems: Problem[]): Fields | null {
    try {
      const data: unknown = JSON.parse(text);
      if (isRecord(data)) return new Fields(data, problems);
      problems.push({ where: 'config.json', message: 'is not a JSON object' });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      problems.push({ where: 'config.json', message: `is not valid JSON (${reason})` });
    }
    return null;
  }

  raw(name: string): unknown {
    return Object.hasOwn(this.#values, name) ? this.#values[name] : undefined;
  }

  /** The fields of a nested object; null when it is absent or null, or (with a problem added) not an object. */
  nested(name: string): Fields | null {
    const value = this.raw(name);
    if (value === undefined || value === null) return null;
    if (isRecord(value)) return new Fields(value, this.problems, this.unsupported, `${this.#prefix}${name}.`);
    this.wrong(name, 'is not an object');
    return null;
  }

  wrong(name: string, message: string): void {
    this.problems.push({ where: this.#prefix + name, message });
  }

  refuse(name: string, message: string): void {
    this.unsupported.push({ where: this.#prefix + name, message });
  }

  /** A whole number of at least 1. `fallback` is the value of an absent or null field; without it the field is required. */
  whole(name: string, fallback?: number): number {
    return this.#number(name, 'a whole number from 1 to 2^31', (n) => Number.isInteger(n) && n >= 1 && n <= MAX_SIZE, fallback);
  }

  /** A number above 0. */
  positive(name: string, fallback?: number): number {
    return this.#number(name, 'a number above 0', (n) => Number.isFinite(n) && n > 0, fallback);
  }

  flag(name: string, fallback: boolean): boolean {
    const value = this.raw(name) ?? fallback;
    if (typeof value === 'boolean') return value;
    this.wrong(name, `is ${JSON.stringify(value)}, expected true or false`);
    return fallback;
  }

  /** Whether a text, or a text in the list, matches. */
  isOf(name: string, pattern: RegExp): boolean {
    const value = this.raw(name);
    const list: unknown[] = Array.isArray(value) ? value : [value];
    return list.some((text) => typeof text === 'string' && pattern.test(text));
  }

  /** A token id or a list of them; none when absent or null. */
  ids(name: string): number[] {
    const value = this.raw(name) ?? [];
    const list: unknown[] = Array.isArray(value) ? value : [value];
    const ids = list.filter((id): id is number => typeof id === 'number' && Number.isInteger(id) && id >= 0);
    if (ids.length < list.length) this.wrong(name, `is ${JSON.stringify(value)}, expected a token id or a list of them`);
    return ids;
  }

  /** Returns 2 after a problem, so that the checks of dependent fields run without reporting this one again. */
  #number(name: string, expected: string, valid: (n: number) => boolean, fallback: number | undefined): number {
    const value = this.raw(name) ?? fallback;
    if (typeof value === 'number' && valid(value)) return value;
    this.wrong(
      name,
      value === undefined ? `is missing; expected ${expected}` : `is ${JSON.stringify(value)}, expected ${expected}`,
    );
    return 2;
  }
}

function isRecord(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
