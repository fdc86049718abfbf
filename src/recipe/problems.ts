/** What is wrong with a recipe, in sentences: the setting in plain words, the values it takes, the value found. Pure. */

import type { Problem } from '../core/errors';
import { DATA_STEP_LABELS, REWARD_LABELS, SETTING_LABELS } from './labels';

/** One refusal of the schema. */
export interface Refusal {
  /**
   * The names on the way to the setting, e.g. `method`, `rank`; a data step has its number, counted from 1. None when the recipe as a
   * whole is refused.
   */
  readonly path: readonly string[];
  /** The value of the setting, or the whole recipe. */
  readonly value: unknown;
  /** The values that the setting takes, as a noun phrase; see src/recipe/checks.ts. Null when there is no such setting. */
  readonly allowed: string | null;
  /** The entry of the value that is refused, where the value is an object. */
  readonly entry?: { readonly key: unknown; readonly value: unknown; readonly origin: string };
  /** Where there is no such setting: the kind of the method, objective or data step that has none; null for settings of the recipe itself. */
  readonly kind?: string | null;
}

/** One problem per setting, in the order of the refusals. */
export function problemsOf(refusals: readonly Refusal[]): readonly Problem[] {
  const problems = refusals.map(problemOf);
  return problems.filter(({ where }, index) => problems.findIndex((one) => one.where === where) === index);
}

function problemOf({ path, value, allowed, entry, kind }: Refusal): Problem {
  const where = path.join('.');
  if (path.length === 0)
    return { where: 'recipe', message: `A recipe is a JSON object such as {"epochs": 3}; this is ${found(value)}.` };
  if (allowed === null) return { where, message: unknownSetting(path, kind ?? null) };
  const but = entry === undefined ? butFound(value) : butEntry(entry);
  return { where, message: `${labelAt(where)} must be ${allowed}${but}.` };
}

/** The parts of the place of a data step, of a reward, or of a setting of one, such as `dataSteps.2.min`. */
const PART = /^(dataSteps|objective\.rewards)\.(\d+)(?:\.(\w+))?$/;

function labelAt(where: string): string {
  const [, list = '', number, name = 'kind'] = PART.exec(where) ?? [];
  if (number !== undefined) {
    const part = list === 'dataSteps' ? `data step ${number}` : `reward ${number}`;
    const label = list === 'dataSteps' ? DATA_STEP_LABELS : REWARD_LABELS;
    return name === 'kind' ? `${part.charAt(0).toUpperCase()}${part.slice(1)}` : `${labelIn(label, name)} of ${part}`;
  }
  const setting = [`${where}.kind`, where].find(isSetting);
  return setting === undefined ? quoted(where) : SETTING_LABELS[setting];
}

function labelIn(labels: Readonly<Record<string, string>>, name: string): string {
  return Object.hasOwn(labels, name) ? (labels[name] ?? '') : quoted(name);
}

function isSetting(where: string): where is keyof typeof SETTING_LABELS {
  return Object.hasOwn(SETTING_LABELS, where);
}

/** Names the setting that the last name of `path` is another spelling of, such as `learning_rate`. */
function unknownSetting(path: readonly string[], kind: string | null): string {
  const key = path.at(-1) ?? '';
  const [group = ''] = path;
  const [, list = '', number = ''] = PART.exec(path.join('.')) ?? [];
  if (list !== '')
    return `${quoted(key)} is not a setting of ${list === 'dataSteps' ? 'data step' : 'reward'} ${number}, ${quoted(kind ?? '')}. Remove it.`;
  const spelling = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '');
  const meant = Object.keys(SETTING_LABELS).find(
    (name) => name !== path.join('.') && spelling(name.split('.').at(-1) ?? '') === spelling(key),
  );
  const advice = meant === undefined ? 'Remove it.' : `Did you mean “${meant}”?`;
  const owner = kind === null ? 'a recipe' : `the ${group} ${quoted(kind)}`;
  return `${quoted(key)} is not a setting of ${owner}. ${advice}`;
}

function butEntry({ key, value, origin }: NonNullable<Refusal['entry']>): string {
  const name = quoted(String(key));
  return origin === 'key' ? `; ${name} is not a name or a regular expression` : `; ${name} has ${found(value)}`;
}

function butFound(value: unknown): string {
  if (value === null || value === undefined || value === '') return '; it is empty';
  return Number.isNaN(value) ? '; it is not a number' : `, not ${found(value)}`;
}

function found(value: unknown): string {
  if (typeof value === 'string') return quoted(value);
  if (Array.isArray(value)) return foundList(value);
  if (typeof value === 'number' && !Number.isFinite(value)) return Number.isNaN(value) ? 'not a number' : 'infinity';
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return shortened(String(value));
  return value === null || value === undefined ? 'empty' : 'an object';
}

function foundList(list: readonly unknown[]): string {
  const other = list.find((item) => typeof item !== 'string');
  if (list.length === 0) return 'an empty list';
  return other === undefined || Array.isArray(other) ? `a list of ${list.length}` : `a list that contains ${found(other)}`;
}

function quoted(text: string): string {
  return `“${shortened(text)}”`;
}

function shortened(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
