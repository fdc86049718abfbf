/** Runs on the real workers: what Start trains when choices change meanwhile. */

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { dataClient, trainClient } from '../../src/client';
import { parseRecipe } from '../../src/recipe/recipe';
import { data } from '../../src/state/data.svelte';
import { device } from '../../src/state/device.svelte';
import { model } from '../../src/state/model.svelte';
import { recipe } from '../../src/state/recipe.svelte';
import { runs } from '../../src/state/runs.svelte';
import { training } from '../../src/state/training.svelte';

vi.setConfig({ testTimeout: 180_000 });

const quick = { maxSteps: 2, saveEvery: 1, evalEvery: 2, sampleEvery: 2, sequenceLength: 64, rank: 2, learningRate: 0.02 };
const csv = (topic: string) =>
  new File(
    [`question,answer\n${Array.from({ length: 12 }, (_, i) => `What is ${topic} ${i}?,It is ${topic}.`).join('\n')}\n`],
    `${topic}.csv`,
  );

beforeAll(async () => {
  localStorage.clear();
  sessionStorage.clear();
  recipe.draft = parseRecipe(quick);
  await Promise.all([device.open('wasm'), model.restore()]);
  await data.open(csv('lamp'));
});
afterAll(async () => {
  for (const run of runs.list.filter(isOwn)) await runs.remove(run.id);
  for (const client of [dataClient, trainClient]) client.kill();
});

/** Other test files keep their runs in the same database. */
const isOwn = ({ datasetName }: { readonly datasetName: string }) => ['lamp.csv', 'tower.csv'].includes(datasetName);

/** The starter under another version of its config: another model to the page, which the same data suits. */
async function otherModel(): Promise<readonly File[]> {
  const names = ['config.json', 'generation_config.json', 'tokenizer.json', 'tokenizer_config.json', 'model.safetensors'];
  return Promise.all(names.map(starterFile));
}

async function starterFile(name: string): Promise<File> {
  const response = await fetch(`/models/starter/${name}`);
  if (name !== 'config.json') return new File([await response.blob()], name);
  const config = (await response.json()) as object;
  return new File([JSON.stringify({ ...config, transformers_version: 'another' })], name);
}

it('trains the model and the data that were chosen when Start was pressed', async () => {
  const chosen = model.view?.id;
  const files = await otherModel();
  const started = training.start();
  await Promise.all([model.choose({ kind: 'files', files }), data.open(csv('tower'))]);
  expect(model.view?.id).not.toBe(chosen);
  await started;
  expect(training.failure).toBeNull();
  expect(training.run).toMatchObject({ status: 'finished', modelId: chosen, datasetName: 'lamp.csv' });
  expect(training.run?.prompts?.every(({ text }) => text.includes('lamp'))).toBe(true);
  expect(model.loaded).toBe(false);
});

it('starts one run when Start is pressed twice, and shows it although an older one was about to be opened', async () => {
  const older = runs.list.find(isOwn);
  if (older === undefined) throw new Error('There is no older run.');
  await model.choose({ kind: 'starter' });
  await Promise.all([training.open(older), training.start(), training.start()]);
  expect(runs.list.filter(isOwn).map(({ datasetName }) => datasetName)).toEqual(['tower.csv', 'lamp.csv']);
  expect(training.run).toMatchObject({ status: 'finished', datasetName: 'tower.csv' });
});

describe('a start that is cancelled', () => {
  const losses = () => training.history.steps.map(({ loss }) => loss);
  const idle = () => expect.poll(() => training.active, { timeout: 60_000 }).toBe(false);

  it.each([
    ['while the examples are encoded', () => Promise.resolve()],
    ['while the model loads', () => expect.poll(() => model.progress, { timeout: 60_000, interval: 1 }).not.toBeNull()],
    [
      'before the first step',
      () => expect.poll(() => training.phase?.message, { timeout: 60_000, interval: 1 }).toMatch(/^(Preparing the run|Training)/),
    ],
  ])('%s leaves the page as it was, and the next start gives the same run', async (_, moment) => {
    const [shown, before, listed] = [training.run?.id, losses(), runs.list.length];
    // Another precision, so that the weights are loaded again.
    recipe.draft = parseRecipe({ ...quick, basePrecision: 'q8' });
    const started = training.start();
    await moment();
    await training.cancel();
    await started;
    await idle();
    expect(training.failure).toBeNull();
    expect(training.phase).toBeNull();
    expect([training.run?.id, runs.list.length]).toEqual([shown, listed]);
    recipe.draft = parseRecipe(quick);
    await training.start();
    expect(training.failure).toBeNull();
    expect(training.run).toMatchObject({ status: 'finished' });
    expect(losses()).toEqual(before);
  });
});

it('says that a run continues from its checkpoint also when its worker died before the list of runs was read', async () => {
  await vi.waitFor(() => expect(training.active).toBe(false));
  recipe.draft = parseRecipe({ ...quick, maxSteps: 1000 });
  const unread = vi.spyOn(runs, 'refresh').mockResolvedValue();
  const started = training.start();
  await expect.poll(() => training.step, { timeout: 60_000 }).toBeGreaterThan(1);
  trainClient.kill('the test ended it');
  await started;
  unread.mockRestore();
  await runs.refresh();
  expect(training.failure?.message).toMatch(/the test ended it.*Resume continues from the last checkpoint/);
});
