/** Reads the keys of adapter_config.json. */

import type { Problem } from '../core/errors';

/** Reads the values of keys, and collects what is wrong with them. A wrong value is read as a valid one. */
export class Keys {
  readonly #problems = new Map<string, Problem>();
  readonly #config: Readonly<Record<string, unknown>>;

  constructor(config: Readonly<Record<string, unknown>>) {
    this.#config = config;
  }

  /** One for each wrong key. */
  get problems(): readonly Problem[] {
    return [...this.#problems.values()];
  }

  /** Of an absent key: `absent`; without it the key must be there. */
  number(key: string, fits: (n: number) => boolean, absent?: number): number {
    const value = this.#config[key] ?? absent;
    if (typeof value === 'number' && fits(value)) return value;
    this.#refuse(key);
    return 1;
  }

  flag(key: string): boolean {
    return this.#config[key] === true;
  }

  /** One of `values`; the first when the key is absent. */
  choice<const T extends string>(key: string, values: readonly [T, ...T[]]): T {
    const { [key]: value = values[0] } = this.#config;
    const found = values.find((one) => one === value);
    if (found === undefined) this.#refuse(key);
    return found ?? values[0];
  }

  /** What the value stands for in `meanings`, whose first is also that of an absent key. `advice`: about values that are not there. */
  meaning<T>(key: string, meanings: readonly [readonly [unknown, T], ...(readonly [unknown, T])[]], advice: string): T {
    const [[, usual]] = meanings;
    const { [key]: value } = this.#config;
    if (value === undefined) return usual;
    const found = meanings.find(([one]) => one === value);
    if (found === undefined) this.#problems.set(key, { where: key, message: `is ${JSON.stringify(value)}. ${advice}` });
    return found?.[1] ?? usual;
  }

  names(key: string): readonly string[] {
    const value = this.#config[key] ?? [];
    if (isNames(value)) return value;
    this.#refuse(key);
    return [];
  }

  /** Sorted names of layers; null when the file has a regular expression or a rule instead. */
  layers(key: string): readonly string[] | null {
    const value = this.#config[key];
    return isNames(value) ? [...value].sort() : null;
  }

  /** Numbers by regular expressions. */
  pattern(key: string, fits: (n: number) => boolean): Readonly<Record<string, number>> {
    const value = this.#config[key] ?? {};
    const entries = Object.entries(value);
    const good = entries.every(([name, n]) => isExpression(name) && typeof n === 'number' && fits(n));
    if (good && typeof value === 'object' && !Array.isArray(value)) return Object.fromEntries(entries);
    this.#refuse(key);
    return {};
  }

  #refuse(key: string): void {
    const value = this.#config[key];
    this.#problems.set(key, { where: key, message: value === undefined ? 'is missing' : `is ${JSON.stringify(value)}` });
  }
}

function isNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((name) => typeof name === 'string');
}

function isExpression(text: string): boolean {
  try {
    return new RegExp(text) instanceof RegExp;
  } catch {
    return false;
  }
}
