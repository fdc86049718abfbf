/** The rewards of a recipe in the form: added, changed and removed, refused with what to change, by keyboard and in axe. */

import { mount, unmount } from 'svelte';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { page, userEvent } from 'vitest/browser';
import { app } from '../../src/state/app.svelte';
import { model } from '../../src/state/model.svelte';
import { recipe } from '../../src/state/recipe.svelte';
import { runs } from '../../src/state/runs.svelte';
import '../../src/ui/base/base.css';
import '../../src/ui/base/tokens.css';
import RecipeStage from '../../src/ui/recipe/RecipeStage.svelte';
import type { CheckpointView, ModelView, RunView } from '../../workers/api';
import { runWith } from '../run-views';
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

describe('a model that was trained', () => {
  const VIEW = { id: 'm', name: 'Starter' } as ModelView;
  const judge = (id: string, objective: object, changes: Partial<RunView>) =>
    runWith(
      id,
      { objective },
      { checkpoints: [{ step: 40, best: true } as CheckpointView, { step: 60 } as CheckpointView], ...changes },
    );
  const topics = judge('topics', { kind: 'classify' }, { labels: ['calm', 'angry'] });

  const add = async (list: readonly RunView[]) => {
    [model.chosen, runs.list, runs.known] = [{ source: { kind: 'starter' }, view: VIEW }, list, true];
    await page.getByLabelText('Another reward').selectOptions('A model that you trained');
    await page.getByRole('button', { name: 'Add reward' }).click();
  };
  const chooser = () => page.getByRole('combobox', { name: 'Run', exact: true });

  afterEach(() => {
    [model.chosen, runs.list, runs.known] = [null, [], false];
  });

  it('is chosen among the runs that give a score, with its best checkpoint and a label', async () => {
    await add([
      topics,
      judge('likes', { kind: 'reward' }, {}),
      runWith('writer', {}),
      judge('far', { kind: 'reward' }, { modelId: 'n' }),
    ]);
    const names = [...(chooser().element() as HTMLSelectElement).options].map(({ text }) => text.trim().split(' (')[0]);
    expect(names).toEqual(['Choose a run', 'run topics', 'run likes']);
    expect(recipe.value).toBeNull();
    await chooser().selectOptions('topics');
    await expect.element(chooser()).toHaveAccessibleDescription('Of step 40.');
    await page.getByRole('combobox', { name: 'Label' }).selectOptions('angry');
    const known = { kind: 'model', run: 'topics', name: 'run topics', step: 40, weight: 1 };
    expect(rewards()?.[1]).toEqual({ ...known, label: 'angry' });
    await chooser().selectOptions('likes');
    await expect.element(page.getByRole('combobox', { name: 'Label' })).not.toBeInTheDocument();
    expect(rewards()?.[1]).toEqual({ ...known, run: 'likes', name: 'run likes', label: '' });
    expect(await violationsIn(document.body)).toEqual([]);
  });

  it('says how to make one where there is none', async () => {
    await add([runWith('writer', {})]);
    await expect.element(page.getByText(/No run on Starter gives a score yet/)).toBeVisible();
    await expect.element(chooser()).not.toBeInTheDocument();
  });

  it('says beside the field that its run or its checkpoint is gone', async () => {
    await add([topics, judge('likes', { kind: 'reward' }, {})]);
    await chooser().selectOptions('topics');
    runs.list = [{ ...topics, checkpoints: topics.checkpoints.slice(1) }, ...runs.list.slice(1)];
    await expect.element(chooser()).toHaveAccessibleDescription(/run topics has no checkpoint of step 40 any more/);
    runs.list = runs.list.slice(1);
    await expect.element(chooser()).toHaveAccessibleDescription(/run topics needs that run, which is not in this browser/);
    await expect.element(chooser()).toHaveValue('');
  });
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
