/** The rewards of a recipe in the form: added, changed and removed, refused with what to change, by keyboard and in axe. */

import { mount, unmount } from 'svelte';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { page, userEvent } from 'vitest/browser';
import { app } from '../../src/state/app.svelte';
import { recipe } from '../../src/state/recipe.svelte';
import '../../src/ui/base/base.css';
import '../../src/ui/base/tokens.css';
import RecipeStage from '../../src/ui/recipe/RecipeStage.svelte';
import { violationsIn } from './accessibility';

let stage: Record<string, unknown>;

beforeEach(async () => {
  recipe.reset();
  recipe.context = null;
  app.open('recipe', 'main');
  stage = mount(RecipeStage, { target: document.body });
  await page.getByRole('tab', { name: /^Objective/ }).click();
  await page.getByRole('radio', { name: 'Learn from rewards (GRPO)' }).click();
});
afterEach(() => unmount(stage));

const rewards = () => (recipe.value?.objective.kind === 'grpo' ? recipe.value.objective.rewards : null);
const textbox = (name: string) => page.getByRole('textbox', { name, exact: true });

it('begins with the answer of the data, and takes others', async () => {
  expect(rewards()).toEqual([{ kind: 'equals', part: 'text', ignoreCase: true, weight: 1 }]);
  await page.getByLabelText('Another reward').selectOptions('Is valid JSON');
  await page.getByRole('button', { name: 'Add reward' }).click();
  await textbox('Names in the object').fill('name\nage');
  await page.getByRole('button', { name: 'Remove reward 1' }).click();
  expect(rewards()).toEqual([{ kind: 'json', keys: ['name', 'age'], weight: 1 }]);
  await expect.element(page.getByRole('heading', { name: 'Rewards' })).toHaveFocus();
});

it('says beside the field what is wrong, and which reward it is', async () => {
  await page.getByLabelText('Another reward').selectOptions('Matches a pattern');
  await page.getByRole('button', { name: 'Add reward' }).click();
  const pattern = textbox('Regular expression');
  await expect.element(pattern).toHaveAccessibleDescription(/Regular expression of reward 2 must be a regular expression/);
  await pattern.fill('(');
  await userEvent.keyboard('{Tab}');
  expect(recipe.value).toBeNull();
  await pattern.fill('^\\d+$');
  await userEvent.keyboard('{Tab}');
  expect(rewards()?.[1]).toEqual({ kind: 'matches', pattern: '^\\d+$', ignoreCase: false, weight: 1 });
});

it('says that there is no reward', async () => {
  await page.getByRole('button', { name: 'Remove reward 1' }).click();
  expect(recipe.value).toBeNull();
  await expect.element(page.getByText(/Rewards must be a list of at least one reward/).first()).toBeVisible();
});

it.each([
  ['light', 360],
  ['dark', 1280],
] as const)('has no violation that axe finds, with a reward of each kind, %s, %d pixels wide', async (theme, width) => {
  await page.viewport(width, 800);
  document.documentElement.dataset['theme'] = theme;
  for (const name of ['Contains a text', 'Matches a pattern', 'Is valid JSON', 'Has a length', 'Your own function']) {
    await page.getByLabelText('Another reward').selectOptions(name);
    await page.getByRole('button', { name: 'Add reward' }).click();
  }
  expect(await violationsIn(document.body)).toEqual([]);
  expect(document.documentElement.scrollWidth).toBeLessThanOrEqual(width);
  delete document.documentElement.dataset['theme'];
});
