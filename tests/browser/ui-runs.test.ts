/** The page of the runs and the strip of the last one: order, filter and ticks in the address, curves and differences, what can be done. */

import { mount, unmount } from 'svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { page, userEvent } from 'vitest/browser';
import { trainClient } from '../../src/client';
import { app } from '../../src/state/app.svelte';
import { placeOf } from '../../src/state/place';
import { recipe } from '../../src/state/recipe.svelte';
import { Runs, runs } from '../../src/state/runs.svelte';
import { training } from '../../src/state/training.svelte';
import '../../src/ui/base/base.css';
import '../../src/ui/base/tokens.css';
import LastRun from '../../src/ui/runs/LastRun.svelte';
import RunsPanel from '../../src/ui/runs/RunsPanel.svelte';
import type { RunHistory, StepRow, TrainApi } from '../../workers/api';
import { runWith } from '../run-views';
import { violationsIn } from './accessibility';
import { deferredClient } from './deferred-client';

const checkpoint = { step: 60, bytes: 2e6, savedAt: 0, loss: 3.7, best: true };
const slow = runWith('slow', { method: { kind: 'lora', rank: 4 } }, { name: 'Slow', updatedAt: 2, checkpoints: [checkpoint] });
const quick = runWith('quick', { seed: 7 }, { name: 'Quick', updatedAt: 3, tunedLoss: 2 });
const sorted = runWith(
  'sorted',
  { objective: { kind: 'classify' }, learningRate: 2e-3, microBatch: 4 },
  { name: 'Sorted', updatedAt: 1, metrics: { accuracy: 0.9 }, labels: ['a', 'b'], status: 'paused' },
);

const history: RunHistory = {
  steps: [1, 60].map((step) => ({ step, loss: 4 - step / 60, seconds: step }) as StepRow),
  evals: [0, 60].map((step) => ({ step, loss: 4 - step / 60 })),
  samples: [],
};

let panel: Record<string, unknown>;

beforeEach(async () => {
  await page.viewport(1280, 900);
  vi.spyOn(trainClient, 'ask').mockImplementation((use) =>
    Promise.resolve(use({ history: () => Promise.resolve(history) } as never)),
  );
  document.documentElement.lang = 'en';
  runs.list = [quick, slow, sorted];
  runs.known = true;
  app.openPage('runs');
  panel = mount(RunsPanel, { target: document.body });
});
afterEach(async () => {
  await unmount(panel);
  vi.restoreAllMocks();
  [runs.list, runs.failure] = [[], null];
  recipe.reset();
});

const names = () =>
  page
    .getByRole('rowheader')
    .elements()
    .map((cell) => cell.querySelector('.fold')?.textContent.trim());
const head = (name: string) => page.getByRole('columnheader', { name, exact: true });
const entries = () => window.history.length;
const options = () => placeOf(location.hash)?.options;

it('sorts by its heads, and says so to assistive technology and in the address', async () => {
  expect(names()).toEqual(['Quick', 'Slow', 'Sorted']);
  await expect.element(head('When')).toHaveAttribute('aria-sort', 'descending');
  await head('Run').getByRole('button').click();
  await expect.element(head('Run')).toHaveAttribute('aria-sort', 'ascending');
  await head('Run').getByRole('button').click();
  expect(names()).toEqual(['Sorted', 'Slow', 'Quick']);
  expect(options()).toEqual({ sort: 'name', down: '' });
});

it('shows the runs with the words of the filter, without new entries in the history', async () => {
  const before = entries();
  await page.getByRole('searchbox', { name: 'Filter the runs' }).fill('rank 4');
  expect(names()).toEqual(['Slow']);
  await expect.element(page.getByText('1 of 3 runs')).toBeVisible();
  expect(options()).toEqual({ q: 'rank 4' });
  await page.getByRole('searchbox', { name: 'Filter the runs' }).fill('nothing');
  await expect.element(page.getByText(/^No run has “nothing” in its name/)).toBeVisible();
  expect(entries()).toBe(before);
});

it('shows what its address asks for', async () => {
  app.openPage('runs', { sort: 'name', q: 's', show: 'slow,quick,gone' });
  await expect.poll(names).toEqual(['Quick', 'Slow', 'Sorted']);
  await expect.element(page.getByRole('checkbox', { name: 'Compare Slow' })).toBeChecked();
  await expect.element(page.getByRole('table', { name: 'What differs' })).toBeVisible();
});

it('compares the ticked runs: their curves, the settings that differ, and what they reached', async () => {
  await expect.element(page.getByText(/^Tick two or more runs/)).toBeVisible();
  await page.getByRole('checkbox', { name: 'Compare Slow' }).click();
  await expect.element(page.getByText('Tick another run to see which settings differ.')).toBeVisible();
  await page.getByRole('checkbox', { name: 'Compare Quick' }).click();
  expect(options()).toEqual({ show: 'slow,quick' });
  const differences = page.getByRole('table', { name: 'What differs' });
  await expect.element(differences.getByRole('row', { name: 'Rank method.rank 4 16' })).toBeVisible();
  await expect.element(differences.getByRole('row', { name: 'Seed seed 42 7' })).toBeVisible();
  expect(differences.getByRole('row').elements()).toHaveLength(3);
  const reached = page.getByRole('table', { name: 'What they reached' });
  await expect
    .element(reached.getByRole('row', { name: 'Lowest held-out loss 3.000 at step 60 3.000 at step 60' }))
    .toBeVisible();
  await page.getByRole('checkbox', { name: 'Compare Slow' }).click();
  expect(options()).toEqual({ show: 'quick' });
});

it('takes the recipe of a run, which then sets the objective, and says so', async () => {
  await page.getByRole('button', { name: 'Sorted', exact: true }).click();
  await page.getByRole('button', { name: 'Use this recipe: Sorted' }).click();
  expect(location.hash).toBe('#recipe');
  expect(recipe.value).toEqual(sorted.recipe);
  expect(recipe.objectiveFrom).toBe('Sorted');
  expect(recipe.note).toMatch(/settings of the run “Sorted”/);
});

it('says why a recipe can’t be used, and keeps the present one', () => {
  recipe.set('method.rank', 8);
  recipe.take({ ...slow.recipe, epochs: -1 }, 'Slow');
  expect(recipe.refused).toBe('Slow');
  expect(recipe.failure?.message).toMatch(/Passes over the data/);
  expect([recipe.at('method.rank'), recipe.objectiveFrom]).toEqual([8, null]);
  recipe.take({ rank: 4, alpha: 8 }, 'of version 1');
  expect(recipe.value?.method).toMatchObject({ kind: 'lora', rank: 4, alpha: 8 });
  expect(recipe.failure).toBeNull();
});

it('marks the run that is trained, with its newest figures, and does not let it be deleted', async () => {
  training.run = { ...quick, status: 'running' };
  training.history = { ...history, steps: [{ step: 12, seconds: 3 } as StepRow] };
  training.activity = 'training';
  const row = page.getByRole('row', { name: /Quick/ });
  await expect.element(row).toHaveTextContent('12 of 60Training');
  await page.getByRole('button', { name: 'Quick', exact: true }).click();
  await expect.element(page.getByRole('button', { name: 'Delete Quick' })).toBeDisabled();
  await expect.element(page.getByRole('button', { name: 'Open Slow' })).not.toBeInTheDocument();
  [training.activity, training.run, training.history] = ['idle', null, { steps: [], evals: [], samples: [] }];
});

it('offers what a run allows: to resume it, to try it', async () => {
  await expect.element(page.getByRole('button', { name: 'Try it: Slow' })).toBeVisible();
  await expect.element(page.getByRole('button', { name: 'Try it: Quick' })).not.toBeInTheDocument();
  await expect.element(page.getByRole('button', { name: 'Resume Sorted' })).toBeVisible();
  await expect.element(page.getByRole('button', { name: 'Resume Slow' })).not.toBeInTheDocument();
});

it('asks before it deletes a run, and does not list it then', async () => {
  const remove = vi.spyOn(runs, 'remove').mockImplementation((id) => {
    runs.list = runs.list.filter((run) => run.id !== id);
    return Promise.resolve();
  });
  app.openPage('runs', { show: 'slow,quick' });
  await page.getByRole('button', { name: 'Slow', exact: true }).click();
  await page.getByRole('button', { name: 'Delete Slow' }).click();
  await expect.element(page.getByRole('dialog')).toHaveTextContent(/Delete “Slow”\?.*1 checkpoint \(2 MB\)/);
  await page.getByRole('button', { name: 'Keep it' }).click();
  expect(remove).not.toHaveBeenCalled();
  await page.getByRole('button', { name: 'Delete Slow' }).click();
  await page.getByRole('button', { name: 'Delete run' }).click();
  await expect.poll(names).toEqual(['Quick', 'Sorted']);
  await expect.element(page.getByText('Tick another run to see which settings differ.')).toBeVisible();
});

it('names the runs that can’t go on without the one that is deleted', async () => {
  const objective = { kind: 'grpo', rewards: [{ kind: 'model', run: 'slow', name: 'Slow' }] };
  runs.list = [...runs.list, runWith('taught', { objective }, { name: 'Taught', status: 'paused' })];
  await page.getByRole('button', { name: 'Slow', exact: true }).click();
  await page.getByRole('button', { name: 'Delete Slow' }).click();
  const asked = page.getByRole('dialog');
  await expect.element(asked).toHaveTextContent(/It gives the reward of “Taught”, which can’t be resumed without it\./);
  await page.getByRole('button', { name: 'Keep it' }).click();
  await page.getByRole('button', { name: 'Slow', exact: true }).click();
  await page.getByRole('button', { name: 'Quick', exact: true }).click();
  await page.getByRole('button', { name: 'Delete Quick' }).click();
  await expect.element(asked).toHaveTextContent(/Delete “Quick”/);
  await expect.element(asked).not.toHaveTextContent(/gives the reward/);
});

it('keeps name and notes that are typed, and an empty name not at all', async () => {
  const rename = vi.spyOn(runs, 'rename').mockImplementation((id, name) => {
    if (name.trim() !== '') runs.list = runs.list.map((run) => (run.id === id ? { ...run, name } : run));
    return Promise.resolve();
  });
  const note = vi.spyOn(runs, 'note').mockResolvedValue();
  await page.getByRole('button', { name: 'Slow', exact: true }).click();
  await page.getByLabelText('Name', { exact: true }).fill('Careful');
  await userEvent.keyboard('{Enter}');
  await expect.poll(names).toContain('Careful');
  await page.getByLabelText('Notes').fill('Lower rate next time');
  await page.getByLabelText('Name', { exact: true }).fill('');
  await userEvent.keyboard('{Enter}');
  await expect.element(page.getByLabelText('Name', { exact: true })).toHaveValue('Careful');
  expect(rename.mock.calls.map(([, name]) => name)).toEqual(['Careful', '']);
  expect(note).toHaveBeenCalledWith('slow', 'Lower rate next time');
});

it('stores changes of a run in their order, and no note twice', async () => {
  const stored: string[] = [];
  const { client, call } = deferredClient<TrainApi>({ runs: () => [{ ...slow, notes: stored.at(-1) }] });
  const own = new Runs(client);
  own.list = [slow];
  const both = [own.note('slow', ' one '), own.note('slow', 'two'), own.note('slow', 'two')];
  expect(own.find('slow')?.notes).toBe('two');
  for (const index of [0, 1]) {
    const { args, resolve } = await call('noteRun', index);
    stored.push(String(args[1]));
    resolve(undefined);
  }
  await Promise.all(both);
  expect(stored).toEqual(['one', 'two']);
});

it('reads the rows of a run once, and again after it was trained on', async () => {
  const { client, calls } = deferredClient<TrainApi>({ history: () => history });
  const own = new Runs(client);
  own.list = [slow, quick];
  await Promise.all([own.read(['slow', 'quick']), own.read(['slow'])]);
  expect(own.historyOf('slow')).toEqual(history);
  expect(calls.map(({ args }) => args[0])).toEqual(['slow', 'quick']);
  own.list = [{ ...slow, updatedAt: 9 }, quick];
  await own.read(['slow', 'quick', 'gone']);
  expect(calls).toHaveLength(3);
});

it('is a list of cards without heads where the page is narrow', async () => {
  await page.viewport(360, 780);
  expect(document.documentElement.scrollWidth).toBeLessThanOrEqual(360);
  await page.getByRole('combobox', { name: 'Sort by' }).selectOptions('Result');
  await expect.poll(names).toEqual(['Sorted', 'Quick', 'Slow']);
  await page.getByRole('button', { name: 'Descending' }).click();
  await expect.poll(names).toEqual(['Sorted', 'Slow', 'Quick']);
});

describe('the strip of the last run', () => {
  let strip: Record<string, unknown>;
  beforeEach(() => {
    app.open('data');
    strip = mount(LastRun, { target: document.body });
  });
  afterEach(() => unmount(strip));
  const region = page.getByRole('region', { name: 'Last run' });

  it('has its result, and leads to it and to all runs', async () => {
    await expect.element(region).toHaveTextContent(/Quick.*Held-out loss 4\.790 → 2\.000.*Finished/);
    await expect.element(region.getByRole('link', { name: 'All runs (3)' })).toHaveAttribute('href', '#runs');
    await region.getByRole('button', { name: 'Open Quick' }).click();
    await expect.poll(() => training.run?.name).toBe('Quick');
    expect(location.hash).toBe('#train');
    await expect.element(region).not.toBeInTheDocument();
  });

  it('is not there without runs, nor while one is under way', async () => {
    training.activity = 'training';
    await expect.element(region).not.toBeInTheDocument();
    training.activity = 'idle';
    await expect.element(region).toBeVisible();
    runs.list = [];
    await expect.element(region).not.toBeInTheDocument();
  });
});

it.each(['light', 'dark'] as const)('has no violation that axe finds, %s', async (theme) => {
  document.documentElement.dataset['theme'] = theme;
  app.openPage('runs', { show: 'slow,quick' });
  await page.getByRole('button', { name: 'Slow', exact: true }).click();
  await expect.element(page.getByRole('table', { name: 'What they reached' })).toBeVisible();
  for (const width of [1280, 360]) {
    await page.viewport(width, 900);
    expect(await violationsIn(document.body), String(width)).toEqual([]);
  }
});
