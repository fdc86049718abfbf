/** The settings of a recipe in words, and those that are not the defaults of its method and objective. Pure. */

import type { DataStepSettings } from '../../recipe/data-steps';
import { SETTING_LABELS } from '../../recipe/labels';
import type { NamedMapping } from '../../recipe/mapping';
import { methodNameOf, type MethodSettings } from '../../recipe/methods';
import { isFields, type Fields } from '../../recipe/migrations';
import type { Recipe } from '../../recipe/recipe';
import { readRewards } from '../../recipe/rewards';
import { usualRecipe } from '../../recipe/usual';
import { splitText } from '../data/split-words';
import { nameOf } from '../data/step-words';
import { list, pairs, text } from './formats';
import { rewardText } from './reward-words';
import { allSettings, entryOf, METHOD_WORDS, OBJECTIVE_WORDS, type Entry, type FormSetting } from './words';

/** What a recipe states: the settings of the form, and those that are chosen outside it. */
type StatedSetting = FormSetting | 'method.kind' | 'objective.kind' | 'init' | 'dataSteps' | 'mapping' | 'mixture' | 'split.kind';

export interface SettingWords {
  /** Name in the recipe file. */
  readonly setting: StatedSetting;
  readonly label: string;
  readonly value: string;
}

/** The name of a method. */
export function methodName(method: MethodSettings): string {
  return METHOD_WORDS[methodNameOf(method) ?? method.kind].name;
}

/** Every setting of a recipe in words, in the order of the form. */
export function settingsIn(recipe: Recipe): readonly SettingWords[] {
  const stated = (setting: StatedSetting, value: string): SettingWords => ({ setting, label: SETTING_LABELS[setting], value });
  return [
    stated('objective.kind', OBJECTIVE_WORDS[recipe.objective.kind].name),
    stated('method.kind', methodName(recipe.method)),
    ...formSettings(recipe).map((setting) => stated(setting, valueWords(entryOf(setting), valueAt(recipe, setting)))),
    stated('init', initWords(recipe.init)),
    stated('dataSteps', stepWords(recipe.dataSteps)),
    stated('mapping', mappingWords(recipe.mapping)),
    stated('mixture', mixtureWords(recipe.mixture)),
    stated('split.kind', splitText(recipe.split)),
  ];
}

/** The settings that are not the defaults of the recipe's method and objective; these two are not named. */
export function changedSettings(recipe: Recipe): readonly SettingWords[] {
  const usual = new Map(
    settingsIn(usualRecipe(methodNameOf(recipe.method) ?? recipe.method.kind, recipe.objective.kind)).map(
      ({ setting, value }) => [setting, value],
    ),
  );
  return settingsIn(recipe).filter(({ setting, value }) => usual.get(setting) !== value);
}

function formSettings({ method, objective }: Recipe): readonly FormSetting[] {
  return allSettings({ method: method.kind, objective: objective.kind });
}

function valueAt(recipe: Recipe, setting: FormSetting): unknown {
  const [first = '', name] = setting.split('.');
  const top: Fields = recipe;
  const settings = name === undefined ? top : top[first];
  return isFields(settings) ? settings[name ?? first] : undefined;
}

const PLAIN: Readonly<Record<Entry['kind'], (value: unknown) => string>> = {
  number: (value) => (typeof value === 'number' ? numberWords(value) : String(value)),
  switch: (value) => (value === true ? 'on' : 'off'),
  choice: String,
  modules: (value) => lines(list.write(value)),
  text: (value) => lines(text.write(value)),
  lines: (value) => lines(list.write(value)),
  pairs: (value) => lines(pairs.write(value)),
  rewards: rewardsWords,
};

function valueWords(entry: Entry, value: unknown): string {
  if (entry.kind === 'choice') return entry.options[String(value)] ?? String(value);
  return entry.kind === 'modules' && value === entry.rule ? entry.ruleLabel : PLAIN[entry.kind](value);
}

function rewardsWords(value: unknown): string {
  const rewards = readRewards(value);
  return rewards === null ? 'not complete' : rewards.map(rewardText).join(', ') || 'none';
}

/** As the form writes numbers. */
function numberWords(value: number): string {
  return value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential() : String(value);
}

function lines(text: string): string {
  return text === '' ? 'none' : text.replaceAll('\n', ', ');
}

function initWords(init: Recipe['init']): string {
  return init === 'fresh' ? 'new' : `from ${init.name}${init.step === null ? '' : `, step ${init.step}`}`;
}

function mappingWords(mapping: NamedMapping | null): string {
  if (mapping === null) return 'as detected';
  const used = Object.entries(mapping.roles).filter(([, role]) => role !== 'ignore');
  const roles = used.map(([name, role]) => `${name}: ${role}`);
  return [mapping.format, ...roles, ...(mapping.template === undefined ? [] : [`template: ${mapping.template}`])].join(', ');
}

function mixtureWords(mixture: Recipe['mixture']): string {
  if (mixture === null) return 'none';
  return [`own data × ${mixture.weight}`, ...mixture.others.map(({ name, weight }) => `${name} × ${weight}`)].join(', ');
}

function stepWords(steps: readonly DataStepSettings[]): string {
  return steps.length === 0 ? 'none' : steps.map(({ kind }) => nameOf(kind)).join(', ');
}
