/** The Model stage on the real training worker: the device, the starter, refused files, and recovery from a dead worker. */

import { mount, unmount } from 'svelte';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { page, userEvent } from 'vitest/browser';
import { trainClient } from '../../src/client';
import { defaultRecipe, parseRecipe, type Recipe } from '../../src/recipe/recipe';
import { device } from '../../src/state/device.svelte';
import type { JournalEvent } from '../../src/state/journal.svelte';
import { model } from '../../src/state/model.svelte';
import { recipe } from '../../src/state/recipe.svelte';
import ModelStage from '../../src/ui/model/ModelStage.svelte';

let stage: Record<string, unknown>;
const heard: JournalEvent[] = [];
const listen = (event: Event): void => void heard.push((event as CustomEvent<JournalEvent>).detail);

beforeAll(async () => {
  window.addEventListener('finetab', listen);
  stage = mount(ModelStage, { target: document.body });
  await Promise.all([device.open('wasm'), model.restore()]);
});
afterAll(() => {
  void unmount(stage);
  window.removeEventListener('finetab', listen);
  trainClient.kill();
});

const chosen = page.getByRole('region', { name: 'Chosen model' });

it('shows the device, says that it is not a GPU, and gives steps to copy', async () => {
  expect(heard).toContainEqual({ event: 'ready', adapter: device.view?.adapter, backend: 'wasm' });
  await expect.element(page.getByText('No GPU is used.')).toBeVisible();
  await page.getByText('How to use your GPU').click();
  await expect.element(page.getByRole('button', { name: 'Copy chrome://gpu' }).first()).toBeVisible();
});

it('chooses the starter, and shows facts about it', async () => {
  await expect.element(page.getByRole('button', { name: 'Starter model' })).toHaveAttribute('aria-pressed', 'true');
  await expect.element(chosen).toHaveTextContent(/Parameters\s*\?\s*3\.15 M/);
  await expect.element(chosen).toHaveTextContent(/Context\s*\?\s*256 tokens/);
  expect(model.loaded).toBe(false);
});

it.each([
  ['sft', /^To write/],
  ['classify', /^To sort/],
  ['multi-label', /^To sort/],
  ['regress', /^To sort/],
] as const)('recommends what suits the objective %s first', async (kind, title) => {
  recipe.chooseObjective(kind);
  await expect.element(page.getByRole('heading', { name: /^To (write|sort)/ }).first()).toHaveTextContent(title);
  recipe.chooseObjective('sft');
});

it('names config.json when it is missing, and keeps the present model', async () => {
  await page.getByRole('tab', { name: 'Files' }).click();
  await userEvent.upload(page.getByLabelText('Model files'), [
    new File(['{}'], 'tokenizer.json'),
    new File(['x'], 'model.safetensors'),
  ]);
  await expect.element(page.getByRole('alert')).toHaveTextContent(/config\.json/);
  expect(heard.at(-1)).toMatchObject({ event: 'error', code: 'model/files' });
  await expect.element(chosen).toHaveTextContent(/3\.15 M/);
  await page.getByRole('tab', { name: 'Recommended' }).click();
  await page.getByRole('button', { name: 'Starter model' }).click();
  await expect.element(page.getByRole('alert')).not.toBeInTheDocument();
});

it('loads the weights once', async () => {
  await Promise.all([model.ensureLoaded(model.chosen, 'stored'), model.ensureLoaded(model.chosen, 'stored')]);
  expect(model.loaded).toBe(true);
  expect(model.progress).toBeNull();
});

it('opens device and model again after the worker died, and loads the weights again', async () => {
  trainClient.kill();
  expect(model.loaded).toBe(false);
  await expect.poll(() => device.view?.executor, { timeout: 30_000 }).toBe('wasm');
  await model.ensureLoaded(model.chosen, 'q4');
  expect(model.loaded).toBe(true);
});

it('forecasts a run of the chosen model', async () => {
  await recipe.predict(model.view?.id ?? '', defaultRecipe(), { packedTokens: 10_000 });
  expect(recipe.forecastFailure).toBeNull();
  const { total, weights, steps, tokensPerStep } = recipe.forecast ?? { total: 0, weights: 0, steps: 0, tokensPerStep: 0 };
  expect(tokensPerStep).toBe(256);
  expect(steps).toBeGreaterThanOrEqual(Math.floor((3 * 10_000) / 256));
  expect(total).toBeGreaterThan(weights);
});

it('forecasts a run with each method, and says why quantised weights can’t be trained', async () => {
  const compare = async (of: Recipe): Promise<void> => {
    const plan = [model.view?.id ?? '', of, { packedTokens: 10_000 }] as const;
    await recipe.predict(...plan);
    await recipe.compareMethods(...plan);
  };
  await compare(defaultRecipe());
  const [lora, full] = [recipe.methods.lora?.forecast, recipe.methods.full?.forecast];
  expect(lora?.fileBytes).toBe(4 * (lora?.trainable ?? 0));
  expect(full?.trainable).toBe(model.view?.parameters);
  expect(full?.fileBytes).toBeGreaterThanOrEqual(4 * (full?.trainable ?? Infinity));
  expect(full?.total).toBeGreaterThan(lora?.total ?? Infinity);
  await compare(parseRecipe({ basePrecision: 'q4' }));
  expect(recipe.forecastFailure).toBeNull();
  expect(recipe.methods.full?.failure?.problems).toEqual([
    {
      where: 'basePrecision',
      message: expect.stringMatching(/^quantised weights can't be trained, .* choose stored, not q4$/) as string,
    },
  ]);
  await compare(parseRecipe({ version: 2, method: { kind: 'full' }, basePrecision: 'q4' }));
  expect(recipe.forecastFailure?.code).toBe('recipe/invalid');
  expect(recipe.methods.lora?.failure).toBeNull();
});

it('forecasts a run with each preset, and asks again only when something changed', async () => {
  const plan = [model.view?.id ?? '', defaultRecipe(), { packedTokens: 100_000 }] as const;
  recipe.draft = defaultRecipe();
  await recipe.predict(...plan);
  await recipe.comparePresets(...plan);
  const { quick, balanced, best } = recipe.presets;
  expect(quick?.forecast?.steps).toBe(60);
  expect(balanced?.forecast).toEqual(recipe.forecast);
  expect(best?.forecast?.steps).toBeGreaterThan(balanced?.forecast?.steps ?? Infinity);
  expect(best?.forecast?.total).toBeGreaterThan(quick?.forecast?.total ?? Infinity);
  recipe.presets = {};
  await recipe.comparePresets(...plan);
  expect(recipe.presets).toEqual({});
});
