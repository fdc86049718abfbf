/** The presets: valid for every method and objective, recognised, and without effect on other settings. */

import { describe, expect, it } from 'vitest';
import { defaultMethod, METHOD_NAMES, type MethodName } from '../../src/recipe/methods';
import type { Fields } from '../../src/recipe/migrations';
import { defaultObjective, OBJECTIVE_SCHEMAS, type ObjectiveKind } from '../../src/recipe/objectives';
import {
  changesFor,
  hasPresetMethod,
  presetOf,
  PRESETS,
  presetValues,
  valueAt,
  withPreset,
  type Preset,
} from '../../src/recipe/presets';
import { defaultRecipe, parseRecipe, type Recipe } from '../../src/recipe/recipe';
import { jobOf, usualRecipe } from '../../src/recipe/usual';

const OBJECTIVES = Object.keys(OBJECTIVE_SCHEMAS) as ObjectiveKind[];
const JOBS = METHOD_NAMES.flatMap((method) => OBJECTIVES.map((objective) => [method, objective] as const));

const recipeFor = (method: MethodName, objective: ObjectiveKind): Recipe =>
  parseRecipe({ ...defaultRecipe(), seed: 7, method: defaultMethod(method), objective: defaultObjective(objective) });

describe.each(JOBS)('with %s and the objective %s', (method, objective) => {
  const recipe = recipeFor(method, objective);

  it('each preset gives a valid recipe, and is recognised in it', () => {
    for (const preset of PRESETS) {
      const chosen = parseRecipe(withPreset(recipe, preset));
      expect(presetOf(chosen)).toBe(preset);
      expect(chosen).toMatchObject({ seed: 7, objective: recipe.objective, method: { kind: recipe.method.kind } });
    }
  });

  it('what a preset changes are exactly the settings that it has', () => {
    for (const preset of PRESETS) {
      const changes = changesFor(recipe, valuesOf(recipe, preset));
      const chosen = withPreset(recipe, preset);
      for (const { setting, before, after } of changes) {
        expect(valueAt(recipe, setting)).toBe(before);
        expect(valueAt(chosen, setting)).toBe(after);
      }
      expect(changesFor(chosen, valuesOf(chosen, preset))).toEqual([]);
    }
  });

  it('the usual recipe is Balanced', () => expect(presetOf(usualRecipe(method, objective))).toBe('balanced'));
});

function valuesOf(recipe: Fields, preset: Preset) {
  const job = jobOf(recipe);
  if (job === null) throw new Error('The recipe has no method.');
  return presetValues(preset, job);
}

it('the defaults of a recipe are Balanced', () => expect(presetOf(defaultRecipe())).toBe('balanced'));

it('each preset trains more than the one before', () => {
  const [quick, balanced, best] = PRESETS.map((preset) => parseRecipe(withPreset(defaultRecipe(), preset)));
  expect([quick, balanced, best]).toMatchObject([
    { epochs: 1, maxSteps: 60, method: { rank: 8, alpha: 16 } },
    { epochs: 3, maxSteps: 0, method: { rank: 16, alpha: 32 } },
    { epochs: 5, maxSteps: 0, method: { rank: 32, alpha: 64 } },
  ]);
});

it('a method with settings of its own is known', () => {
  expect(hasPresetMethod(withPreset(defaultRecipe(), 'best'))).toBe(true);
  expect(hasPresetMethod({ ...defaultRecipe(), epochs: 9 })).toBe(true);
  expect(hasPresetMethod({ ...defaultRecipe(), method: { ...defaultMethod('lora'), rank: 4 } })).toBe(false);
  expect(hasPresetMethod(recipeFor('ia3', 'sft'))).toBe(true);
});

it('preferences get no more than three passes', () => {
  expect(withPreset(recipeFor('lora', 'dpo'), 'best')).toMatchObject({ epochs: 3, learningRate: 1e-5 });
});

it('a recipe with another value of one of its settings, or without a method, has no preset', () => {
  expect(presetOf({ ...defaultRecipe(), epochs: 2 })).toBeNull();
  expect(presetOf({ ...defaultRecipe(), learningRate: 1e-3 })).toBeNull();
  expect(presetOf({ ...defaultRecipe(), seed: 1 })).toBe('balanced');
  const broken = { ...defaultRecipe(), method: { kind: 'telepathy' } };
  expect(presetOf(broken)).toBeNull();
  expect(withPreset(broken, 'quick')).toBe(broken);
});
