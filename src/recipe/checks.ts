/**
 * The checks that settings are made of. The message of each is the noun phrase of the values that the setting takes ("a whole number
 * from 1 to 256"); problems.ts makes the sentence.
 */

import * as v from 'valibot';

export const whole = (min: number, max: number, allowed = `a whole number from ${written(min)} to ${written(max)}`) => {
  return v.pipe(v.number(allowed), v.integer(allowed), v.minValue(min, allowed), v.maxValue(max, allowed));
};

export const real = (min: number, max: number, allowed = `a number from ${written(min)} to ${written(max)}`) => {
  return v.pipe(v.number(allowed), v.minValue(min, allowed), v.maxValue(max, allowed));
};

export const flag = () => v.boolean('true or false');

export const oneOf = <const T extends readonly string[]>(values: T) => v.picklist(values, alternatives(values));

export const texts = (allowed: string, { min = 0, max = Infinity } = {}) =>
  v.pipe(v.array(v.string(allowed), allowed), v.minLength(min, allowed), v.maxLength(max, allowed), v.readonly());

/** Numbers by the names of layers: keys are regular expressions, as in PEFT. */
export const byLayer = <T extends v.GenericSchema<number>>(number: T, allowed: string) =>
  v.pipe(v.record(v.pipe(v.string(allowed), v.check(isPattern, allowed)), number, allowed), v.readonly());

/** Numbers by the names of labels. */
export const byLabel = <T extends v.GenericSchema<number>>(number: T, allowed: string) =>
  v.pipe(v.record(v.string(allowed), number, allowed), v.readonly());

function isPattern(text: string): boolean {
  try {
    new RegExp(`^(.*\\.)?(${text})$`);
    return text !== '';
  } catch {
    return false;
  }
}

/** Small numbers as `1e-8`, large ones as `10,000,000`. */
function written(value: number): string {
  return value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential() : value.toLocaleString('en', { maximumFractionDigits: 5 });
}

/** `“a”, “b” or “c”`. */
export function alternatives(values: readonly string[]): string {
  const quoted = values.map((value) => `“${value}”`);
  return `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1) ?? ''}`;
}
