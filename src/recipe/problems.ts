/** What is wrong with a recipe, in sentences: the setting in plain words, the values it takes, the value found. Pure. */

import type { Problem } from '../core/errors';
import { SETTING_LABELS } from './labels';

/** One refusal of the schema. */
export interface Refusal {
  /** The setting; null when the recipe as a whole is refused. */
  readonly key: string | null;
  /** The value of the setting, or the whole recipe. */
  readonly value: unknown;
  /** The values that the setting takes, as a noun phrase; see src/recipe/recipe.ts. */
  readonly allowed: string;
}

/** One problem per setting, in the order of the refusals. */
export function problemsOf(refusals: readonly Refusal[]): readonly Problem[] {
  const first = ({ key }: Refusal, index: number): boolean => refusals.findIndex((one) => one.key === key) === index;
  return refusals.filter(first).map(problemOf);
}

function problemOf({ key, value, allowed }: Refusal): Problem {
  if (key === null)
    return { where: 'recipe', message: `A recipe is a JSON object such as {"rank": 16}; this is ${found(value)}.` };
  if (!isSetting(key)) return { where: key, message: unknownSetting(key) };
  return { where: key, message: `${SETTING_LABELS[key]} must be ${allowed}${butFound(value)}.` };
}

function isSetting(key: string): key is keyof typeof SETTING_LABELS {
  return Object.hasOwn(SETTING_LABELS, key);
}

/** Names the setting that `key` is another spelling of, such as `learning_rate`. */
function unknownSetting(key: string): string {
  const spelling = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '');
  const meant = Object.keys(SETTING_LABELS).find((name) => spelling(name) === spelling(key));
  const advice = meant === undefined ? 'Remove it.' : `Did you mean “${meant}”?`;
  return `${quoted(key)} is not a setting of a recipe. ${advice}`;
}

function butFound(value: unknown): string {
  if (value === null || value === undefined || value === '') return '; it is empty';
  return Number.isNaN(value) ? '; it is not a number' : `, not ${found(value)}`;
}

function found(value: unknown): string {
  if (typeof value === 'string') return quoted(value);
  if (Array.isArray(value)) return foundList(value);
  if (typeof value === 'number' && !Number.isFinite(value)) return Number.isNaN(value) ? 'not a number' : 'infinity';
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  return value === null || value === undefined ? 'empty' : 'an object';
}

function foundList(list: readonly unknown[]): string {
  const other = list.find((item) => typeof item !== 'string');
  if (list.length === 0) return 'an empty list';
  return other === undefined || Array.isArray(other) ? `a list of ${list.length}` : `a list that contains ${found(other)}`;
}

function quoted(text: string): string {
  return `“${text.length > 40 ? `${text.slice(0, 40)}…` : text}”`;
}
