/** The Recipe stage as it is used: typed into, broken, mended, reset, taken in and out as a file. */

import { mount, unmount } from 'svelte';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { page, userEvent } from 'vitest/browser';
import { defaultRecipe } from '../../src/recipe/recipe';
import { recipe } from '../../src/state/recipe.svelte';
import RecipeStage from '../../src/ui/recipe/RecipeStage.svelte';
import { GROUPS, SIMPLE } from '../../src/ui/recipe/settings';

let stage: Record<string, unknown>;

beforeEach(() => {
  recipe.reset();
  recipe.context = null;
  stage = mount(RecipeStage, { target: document.body });
});
afterEach(() => unmount(stage));

const field = (label: string) => page.getByRole('textbox', { name: label, exact: true });

it('has words for every setting, once', () => {
  const settings = GROUPS.flatMap((group) => group.entries.map((entry) => entry.setting));
  expect([...settings].sort()).toEqual(
    Object.keys(defaultRecipe())
      .filter((name) => name !== 'version')
      .sort(),
  );
  expect(SIMPLE.every((setting) => settings.includes(setting))).toBe(true);
});

it('takes numbers the way they are typed', async () => {
  await field('Learning rate').fill('3e-4');
  expect(recipe.value?.learningRate).toBe(3e-4);
  await expect.element(field('Learning rate')).toHaveValue('3e-4');
});

it('says what is wrong beside the field, and has no recipe until it is mended', async () => {
  await field('Rank').fill('0');
  await expect.element(field('Rank')).toHaveAccessibleDescription(/Change this/);
  expect(recipe.value).toBeNull();
  await field('Rank').fill('many');
  expect(recipe.problemOf('rank')).not.toBeNull();
  await field('Rank').fill('8');
  await expect.element(field('Rank')).not.toHaveAccessibleDescription(/Change this/);
  expect(recipe.value?.rank).toBe(8);
});

it('refuses a sequence longer than the model reads, and names the limit', async () => {
  recipe.context = 128;
  await expect.element(field('Sequence length')).toHaveAccessibleDescription(/128 or less/);
  expect(recipe.value).toBeNull();
  await field('Sequence length').fill('128');
  expect(recipe.value?.sequenceLength).toBe(128);
});

it('shows every other setting under All settings', async () => {
  await page.getByText('All settings', { exact: true }).click();
  await page.getByRole('combobox', { name: 'Schedule' }).selectOptions('Constant');
  await page.getByRole('checkbox', { name: 'Rank-stabilised scaling' }).click();
  await field('Prompts to sample').fill('Hello\n\nWho are you?');
  expect(recipe.value).toMatchObject({ schedule: 'constant', useRslora: true, samplePrompts: ['Hello', 'Who are you?'] });
  await page.getByRole('button', { name: 'Reset to defaults' }).click();
  expect(recipe.value).toEqual(defaultRecipe());
});

it('reads a recipe file, and keeps the old recipe when the file is bad', async () => {
  const input = page.getByLabelText('Recipe file');
  await userEvent.upload(input, new File([JSON.stringify({ rank: 4, epochs: 1 })], 'mine.json'));
  await expect.element(field('Rank')).toHaveValue('4');
  await userEvent.upload(input, new File([JSON.stringify({ rank: -1, wings: 2 })], 'bad.json'));
  const alert = page.getByRole('alert');
  await expect.element(alert).toHaveTextContent(/rank/);
  await expect.element(alert).toHaveTextContent(/wings/);
  await userEvent.upload(input, new File(['{'], 'torn.json'));
  await expect.element(alert).toHaveTextContent(/torn\.json is not JSON/);
  expect(recipe.value?.rank).toBe(4);
});

it('writes the recipe out so that it reads back the same, and remembers it', async () => {
  await field('Rank').fill('32');
  const exported = recipe.exportText();
  recipe.reset();
  await recipe.importFile(new File([exported], 'recipe.json'));
  expect(recipe.value).toEqual({ ...defaultRecipe(), rank: 32 });
  recipe.draft = defaultRecipe();
  recipe.restore();
  expect(recipe.value?.rank).toBe(32);
});
