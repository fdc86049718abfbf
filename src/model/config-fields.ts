/** Reads the fields of a config.json, noting every one that is missing or wrong instead of stopping at the first. */

import type { Problem } from '../core/errors';

type Raw = Readonly<Record<string, unknown>>;

/** Sizes beyond this are a damaged file, not a model; products of a few of them stay exact. */
const MAX_SIZE = 2 ** 31;

export class Fields {
  /** What is wrong with the file. */
  readonly problems: Problem[];
  /** What is right but not supported. */
  readonly unsupported: Problem[];
  readonly #values: Raw;
  readonly #prefix: string;

  constructor(values: Raw, problems: Problem[], unsupported: Problem[] = [], prefix = '') {
    this.#values = values;
    this.problems = problems;
    this.unsupported = unsupported;
    this.#prefix = prefix;
  }

  /** The fields of a JSON object, or null with a problem added. */
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

  /** The fields of a nested object; null when it is absent, null or empty, or (with a problem) not an object. */
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

  /** A whole number of at least 1. `otherwise` stands for an absent or null field; without it the field is required. */
  whole(name: string, otherwise?: number): number {
    return this.#number(name, 'a whole number from 1 to 2^31', (n) => Number.isInteger(n) && n >= 1 && n <= MAX_SIZE, otherwise);
  }

  /** A number above 0. */
  positive(name: string, otherwise?: number): number {
    return this.#number(name, 'a number above 0', (n) => Number.isFinite(n) && n > 0, otherwise);
  }

  flag(name: string, otherwise: boolean): boolean {
    const value = this.raw(name) ?? otherwise;
    if (typeof value === 'boolean') return value;
    this.wrong(name, `is ${JSON.stringify(value)}, expected true or false`);
    return otherwise;
  }

  /** A token id or a list of them; none when absent or null. */
  ids(name: string): number[] {
    const value = this.raw(name) ?? [];
    const list: unknown[] = Array.isArray(value) ? value : [value];
    const ids = list.filter((id): id is number => typeof id === 'number' && Number.isInteger(id) && id >= 0);
    if (ids.length < list.length) this.wrong(name, `is ${JSON.stringify(value)}, expected a token id or a list of them`);
    return ids;
  }

  /** After a problem a 2 goes on, so that the fields that depend on this one are checked too without a second complaint. */
  #number(name: string, expected: string, valid: (n: number) => boolean, otherwise: number | undefined): number {
    const value = this.raw(name) ?? otherwise;
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
