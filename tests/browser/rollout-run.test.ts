/** A run that learns from rewards of its own answers: its rewards rise, and after an interruption it ends with the same bytes. */

import { deleteDB } from 'idb';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { Preparation } from '../../src/batch/preparation';
import type { EncodedDataset } from '../../src/batch/types';
import { openRunStore, type IndexedRunStore } from '../../src/checkpoint/store';
import type { Snapshot } from '../../src/checkpoint/types';
import { fetchFiles, openFolder } from '../../src/model/folder';
import { parseRecipe } from '../../src/recipe/recipe';
import { openEngine } from '../../src/train/engine';
import { LANGUAGE, type Job } from '../../src/train/job';
import type { StopReason } from '../../src/train/jobs';
import { LoadedModel } from '../../src/train/loaded';
import { RunRecorder } from '../../src/train/recorder';
import { storedParameters } from '../../src/train/records';
import { Run } from '../../src/train/run';
import type { EvalRow, StepRow, TrainEvent } from '../../src/train/types';
import { freshName, record } from './store-fixtures';

const FILES = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];
const STEPS = 6;
/** Two updates with the answers of each rollout: a checkpoint between them is due after every step, and must not be made. */
const recipeFor = (objective: object) =>
  parseRecipe({
    ...{ method: { kind: 'lora', rank: 4 }, learningRate: 3e-3, sequenceLength: 64, maxSteps: STEPS },
    ...{ evalEvery: STEPS, saveEvery: 1, sampleEvery: 100 },
    objective: { ...objective, rewards: [{ kind: 'length', unit: 'words', min: 1, max: 3 }], updates: 2, answerLength: 16 },
  });
const RECIPES = {
  grpo: recipeFor({ kind: 'grpo', prompts: 2, answers: 4, beta: 0.04 }),
  ppo: recipeFor({ kind: 'ppo', prompts: 8 }),
};

let model: LoadedModel;
let dataset: EncodedDataset;
const opened: { readonly store: IndexedRunStore; readonly name: string }[] = [];

beforeAll(async () => {
  const folder = await openFolder(await fetchFiles(new URL('/models/starter/', location.href), FILES));
  model = await LoadedModel.load(await openEngine('wasm'), folder, 'stored');
  const data = new Preparation();
  await data.open(new File([await (await fetch('/samples/lighthouse-keeper.jsonl')).blob()], 'lighthouse-keeper.jsonl'));
  await data.setTokenizer(folder.view.tokenizer);
  dataset = await data.encode(RECIPES.grpo);
});

afterEach(async () => {
  for (const { store, name } of opened.splice(0)) {
    await store.close();
    await deleteDB(name);
  }
});

/** Trains; `stopAt` asks to stop after an event. Resuming goes on from the newest checkpoint until the end. */
async function trained(kind: keyof typeof RECIPES, stopAt: (event: TrainEvent, steps: number) => StopReason | null = () => null) {
  const recipe = RECIPES[kind];
  const job: Job = { ...LANGUAGE, objective: recipe.objective };
  const name = freshName();
  const store = await openRunStore(name);
  opened.push({ store, name });
  const parameters = storedParameters(model.config, recipe, job);
  const known = { totalSteps: STEPS, datasetHash: dataset.hash, modelId: model.view.id, parameters };
  await store.putDataset(dataset);
  await store.putRun(record('run', { ...known, recipe }));
  const unlock = await store.lock('run');
  let steps = 0;
  const go = async (snapshot: Snapshot | null, watched: boolean) => {
    const controller = new AbortController();
    const onEvent = (event: TrainEvent) => {
      if (event.type === 'step') steps = event.step;
      const reason = watched ? stopAt(event, steps) : null;
      if (reason !== null) controller.abort(reason);
    };
    const recorder = new RunRecorder(store, await store.run('run'), onEvent);
    const context = {
      model,
      store,
      recorder,
      tune: null,
      pace: null,
      signal: controller.signal,
      teacher: null,
      judges: new Map(),
    };
    return new Run(context, dataset).go(snapshot, 0);
  };
  const first = await go(null, true);
  const checkpoints = (await store.run('run')).checkpoints.map(({ step }) => step);
  if (first.status !== 'finished') await go((await store.load('run', null)).snapshot, false);
  unlock();
  const { snapshot } = await store.load('run', null);
  const rows = (await store.rows('run', 'steps')) as readonly StepRow[];
  const evals = (await store.rows('run', 'evals')) as readonly EvalRow[];
  return { status: first.status, checkpoints, snapshot, rows, evals, baseLoss: (await store.run('run')).baseLoss };
}

const bits = ({ step, parameters, m, v }: Snapshot) => [step, ...[parameters, m, v].map((data) => new Uint32Array(data.buffer))];
const figures = (rows: readonly StepRow[]) => rows.map(({ seconds, tokensPerSecond, left, ...row }) => row);

test('reports its rewards, and saves only where new answers are written', async () => {
  const { checkpoints, rows, evals, baseLoss } = await trained('grpo');
  expect(checkpoints.every((step) => step % 2 === 0)).toBe(true);
  expect(rows.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6]);
  // Both updates of a rollout learn from the same answers; the first is that of the model that wrote them.
  const reward = rows.map((row) => row.figures?.['reward'] ?? NaN);
  expect(reward[1]).toBe(reward[0]);
  expect(rows[0]?.figures).toMatchObject({ 'clip_ratio/region_mean': 0 });
  expect(rows[0]?.figures?.['kl']).toBeCloseTo(0, 6);
  expect(rows[1]?.figures?.['kl']).toBeGreaterThan(1e-6);
  const last = evals.at(-1);
  expect(-(last?.loss ?? NaN)).toBe(last?.metrics?.['reward']);
  expect(baseLoss).toBeLessThan(0);
});

test('with PPO, it reports what its values expected, and the divergence from the base', async () => {
  const { rows, snapshot } = await trained('ppo');
  expect(rows[0]?.figures).toMatchObject({ 'val/ratio': 1, 'policy/clipfrac_avg': 0, 'objective/kl': 0 });
  expect(rows[2]?.figures?.['objective/kl']).not.toBe(0);
  // The value head starts at zero, so that a value is the error of the first ones.
  expect(rows[0]?.figures?.['loss/value_avg']).toBeGreaterThan(0);
  const head = storedParameters(model.config, RECIPES.ppo, { ...LANGUAGE, objective: RECIPES.ppo.objective }).filter(
    ({ trainingOnly }) => trainingOnly === true,
  );
  expect(head.map(({ offset }) => snapshot.parameters[offset] ?? 0).every((value) => value !== 0)).toBe(true);
});

test.each(['grpo', 'ppo'] as const)('a run that dies between answers and update ends with the same bytes: %s', async (kind) => {
  const whole = await trained(kind);
  const isWriting = (event: TrainEvent) =>
    event.type === 'phase' && event.message.startsWith('Writing answers') && event.done > 3;
  const killed = await trained(kind, (event, steps) => (steps === 4 && isWriting(event) ? 'drop' : null));
  expect(killed.status).toBe('stopped');
  expect(bits(killed.snapshot)).toEqual(bits(whole.snapshot));
  expect(figures(killed.rows)).toEqual(figures(whole.rows));
  expect(killed.evals).toEqual(whole.evals);
});

test('a pause waits for the last update with the answers', async () => {
  const whole = await trained('grpo');
  const paused = await trained('grpo', (event) => (event.type === 'step' && event.step === 3 ? 'pause' : null));
  expect([paused.status, paused.checkpoints.at(-1)]).toEqual(['paused', 4]);
  expect(bits(paused.snapshot)).toEqual(bits(whole.snapshot));
});
