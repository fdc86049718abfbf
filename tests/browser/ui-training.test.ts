/** Runs on the real workers: what Start trains when choices change meanwhile, and what the Use stage offers of a run. */

import { mount, unmount } from 'svelte';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { page } from 'vitest/browser';
import { dataClient, trainClient } from '../../src/client';
import { parseRecipe } from '../../src/recipe/recipe';
import { data } from '../../src/state/data.svelte';
import { device } from '../../src/state/device.svelte';
import { model } from '../../src/state/model.svelte';
import { recipe } from '../../src/state/recipe.svelte';
import { runs } from '../../src/state/runs.svelte';
import { training } from '../../src/state/training.svelte';
import { use } from '../../src/state/use.svelte';
import UseStage from '../../src/ui/use/UseStage.svelte';

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

it('offers the prompts of the run in the Use stage, not those of the dataset that is open', async () => {
  const stage = mount(UseStage, { target: document.body });
  const first = runs.list.find((run) => run.datasetName === 'lamp.csv');
  use.choose(first?.id ?? '');
  const prompts = page.getByRole('group', { name: 'Prompts of this run' });
  await expect.element(prompts).toHaveTextContent(/What is lamp/);
  expect(prompts.element().textContent).not.toContain('tower');
  await unmount(stage);
});

it('lets the chosen checkpoint answer, and says which one it is', async () => {
  const stage = mount(UseStage, { target: document.body });
  [use.temperature, use.maxTokens] = [0, 12];
  const tuned = page.getByRole('region', { name: 'Tuned model' });
  const answers: string[] = [];
  for (const step of ['Step 1', 'Newest']) {
    await page.getByRole('combobox', { name: 'Checkpoint' }).selectOptions(step === 'Newest' ? '' : '1');
    await page.getByRole('button', { name: 'Compare' }).click();
    await expect.poll(() => use.writing, { timeout: 60_000 }).toBeNull();
    expect(use.failure).toBeNull();
    answers.push(use.tuned?.text ?? '');
    await expect.element(tuned).toHaveTextContent(step === 'Newest' ? 'checkpoint at step 2' : 'checkpoint at step 1');
  }
  expect(answers[0]).not.toBe(answers[1]);
  await unmount(stage);
});

it('keeps a cancelled comparison from going on with the second answer', async () => {
  // Near chance, the answer does not end early.
  [use.temperature, use.maxTokens] = [2, 2000];
  const compared = use.compare();
  await expect.poll(() => use.base?.text ?? '', { timeout: 60_000, interval: 1 }).not.toBe('');
  await use.cancel();
  await compared;
  expect(use.base?.result?.stopped).toBe('cancelled');
  expect(use.tuned).toBeNull();
  expect(use.failure).toBeNull();
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
