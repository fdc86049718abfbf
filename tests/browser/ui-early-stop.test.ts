/** The whole page on its real workers: a run that overfits ends by itself and says why, its best step is what is used, and it goes on. */

import { mount, unmount } from 'svelte';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { page } from 'vitest/browser';
import { dataClient, trainClient } from '../../src/client';
import { parseRecipe } from '../../src/recipe/recipe';
import { app } from '../../src/state/app.svelte';
import { data } from '../../src/state/data.svelte';
import { recipe } from '../../src/state/recipe.svelte';
import { runs } from '../../src/state/runs.svelte';
import { takeAway } from '../../src/state/take-away.svelte';
import { training } from '../../src/state/training.svelte';
import { use } from '../../src/state/use.svelte';
import App from '../../src/ui/App.svelte';
import '../../src/ui/base/base.css';
import '../../src/ui/base/tokens.css';
import type { RunView } from '../../workers/api';
import { violationsIn } from './accessibility';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 240_000 });

const FILE = 'secrets.csv';
/** Answers that follow from nothing can only be known by heart. */
const WORDS = ['amber', 'basalt', 'cedar', 'dune', 'ember', 'fjord', 'gravel', 'heath', 'iris', 'juniper', 'kelp', 'loam'];
const secrets = WORDS.map((word, i) => `What is the word of day ${i}?,The word is ${WORDS[(5 * i + 3) % 12]} ${word}.`);

const overfitting = (patience: number) =>
  parseRecipe({
    ...{ method: { kind: 'lora', rank: 8, alpha: 32 }, sequenceLength: 64, learningRate: 0.01, maxSteps: 40, heldOutRatio: 0.25 },
    ...{ evalEvery: 2, saveEvery: 40, sampleEvery: 40, samplePrompts: ['What is the word of day 3?'], patience },
  });

let shell: Record<string, unknown>;
let ended: RunView;

async function train(patience: number): Promise<RunView> {
  recipe.draft = overfitting(patience);
  await expect.poll(() => training.blocker, { timeout: 60_000 }).toBeNull();
  app.open('train');
  await page.getByRole('button', { name: 'Start training' }).click();
  await expect.poll(() => [training.active, training.run?.status], { timeout: 180_000 }).toEqual([false, 'finished']);
  if (training.run === null) throw new Error('There is no run.');
  return training.run;
}

beforeAll(async () => {
  localStorage.clear();
  sessionStorage.clear();
  [document.documentElement.lang, document.title] = ['en', 'Finetab'];
  history.replaceState(null, '', '?backend=wasm');
  shell = mount(App, { target: document.body });
  await data.open(new File([['question,answer', ...secrets].join('\n')], FILE));
});
afterAll(async () => {
  await unmount(shell);
  for (const run of runs.list.filter(({ datasetName }) => datasetName === FILE)) await runs.remove(run.id);
  for (const client of [dataClient, trainClient]) client.kill();
});

const section = (id: string) => document.querySelector(`section#${id}`)?.textContent.replaceAll(/\s+/g, ' ') ?? '';
const best = () => ended.earlyStop?.best.step ?? NaN;

it('ends by itself before its last step, and the Train stage says since when it memorised', async () => {
  ended = await train(3);
  expect(ended.step).toBeLessThan(40);
  expect(best()).toBeGreaterThan(0);
  const numbers = String.raw`\([\d.]+ → [\d.]+\)`;
  const words = `Ended early at step ${ended.step}: since step ${best()} it got worse on unseen examples ${numbers} while it went on learning the training examples ${numbers}: it memorised them \\(overfitting\\)\\. Use takes the checkpoint of step ${best()}, the best one\\.`;
  await expect.poll(() => section('train')).toMatch(new RegExp(words));
  expect(section('train')).toContain(`Ended early, step ${ended.step} of 40`);
  expect(await violationsIn(document.body)).toEqual([]);
});

it('is tried, measured and saved with its best step, which Use names', async () => {
  app.open('use', 'try');
  const field = page.getByRole('combobox', { name: 'Checkpoint' });
  await expect.element(field).toHaveTextContent(new RegExp(`^Best: step ${best()}, held-out loss`));
  await expect.element(field).toHaveValue(String(best()));
  [use.temperature, use.maxTokens] = [0, 8];
  await page.getByRole('button', { name: 'Compare' }).click();
  await expect.poll(() => use.last?.tuned?.result ?? null, { timeout: 60_000 }).not.toBeNull();
  await expect
    .element(page.getByRole('region', { name: 'Tuned model' }))
    .toHaveTextContent(new RegExp(`best checkpoint, step ${best()}`));
  app.open('use', 'files');
  await expect.poll(() => takeAway.files.length, { timeout: 60_000 }).toBeGreaterThan(0);
  const card = takeAway.files.find(({ name }) => name === 'README.md');
  const loss = ended.earlyStop?.best.value.toFixed(4) ?? 'none';
  expect(await card?.blob.text()).toContain(`with this adapter | ${loss}`);
  app.openPage('runs');
  await expect.element(page.getByText(`Held-out loss, best at step ${best()}`)).toBeVisible();
  await expect.element(page.getByRole('cell', { name: /Ended early/ })).toBeVisible();
});

it('has the same best step with the same seed and a patience of 0, and when it is carried on', async () => {
  const whole = await train(0);
  expect(whole).toMatchObject({ step: 40, name: expect.stringContaining(' 2') as string });
  expect(whole.checkpoints.find((checkpoint) => checkpoint.best)?.step).toBe(best());
  await training.open(ended);
  await page.getByRole('button', { name: 'Carry on anyway' }).click();
  await expect.poll(() => [training.active, training.run?.step], { timeout: 180_000 }).toEqual([false, 40]);
  expect(training.run).toMatchObject({ status: 'finished', earlyStop: { carriedOn: true } });
  expect(training.run?.checkpoints.find((checkpoint) => checkpoint.best)?.step).toBe(best());
  expect(section('train')).not.toContain('Carry on anyway');
});
