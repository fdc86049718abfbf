/** The list of all settings: what its filter finds, and values in words. */

import { expect, it } from 'vitest';
import { changeWords, valueWords } from '../../src/ui/recipe/changes';
import { groupsFor, sizeOf } from '../../src/ui/recipe/filter';
import { isFormSetting, shownIn } from '../../src/ui/recipe/words';

const LORA = { method: 'lora', objective: 'sft' };
const found = (query: string, kinds: { method: string; objective: string } = LORA) =>
  groupsFor({ query, changedOnly: false }, kinds, () => false).flatMap(({ settings }) => settings);

it('finds settings by plain name, name in recipe files, and help', () => {
  expect(found('passes over')).toEqual(['epochs']);
  expect(found('learningrate')).toEqual(['learningRate']);
  expect(found('against memorising')).toContain('method.dropout');
  expect(found('RANK method.alpha')).toContain('method.alpha');
  expect(found('no setting has this')).toEqual([]);
});

it('has the settings of the method and the objective alone', () => {
  expect(found('')).toContain('method.rank');
  expect(found('', { method: 'full', objective: 'dpo' })).not.toContain('method.rank');
  expect(found('', { method: 'full', objective: 'dpo' })).toContain('objective.beta');
  for (const setting of found('')) expect(isFormSetting(LORA, setting)).toBe(true);
});

it('shows the changed ones only, if asked to', () => {
  const groups = groupsFor({ query: '', changedOnly: true }, LORA, (setting) => setting === 'seed' || setting === 'epochs');
  expect(groups).toEqual([{ title: 'Length of the run', settings: ['epochs', 'seed'] }]);
  expect(sizeOf(groups)).toBe(2);
});

it('has at most four main settings', () => {
  expect(shownIn('main', LORA)).toEqual(['epochs', 'learningRate', 'method.rank', 'sequenceLength']);
  expect(shownIn('main', { method: 'full', objective: 'sft' })).not.toContain('method.rank');
  expect(shownIn('objective', { method: 'lora', objective: 'simpo' })).toEqual(['objective.beta', 'objective.gamma']);
});

it.each([
  ['learningRate', 2e-4, '2e-4'],
  ['epochs', 3, '3'],
  ['schedule', 'cosine', 'Cosine'],
  ['method.targetModules', 'all-linear', 'all linear'],
  ['method.targetModules', ['q_proj', 'v_proj'], '2 names'],
  ['method.useRslora', true, 'on'],
  ['method.rank', 'many', '“many”'],
  ['method.rank', undefined, 'not set'],
  ['method.rankPattern', {}, 'as given'],
])('writes %s = %o as %s', (setting, value, words) => expect(valueWords(LORA, setting, value)).toBe(words));

it('writes a change with the plain name', () =>
  expect(changeWords(LORA, { setting: 'method.rank', before: 16, after: 8 })).toBe('Rank 16 → 8'));
