/** A run that is rewarded by models that were trained before: a reward model and a classifier. */

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openRunStore } from '../../src/checkpoint/store';
import { openFolder } from '../../src/model/folder';
import { openEngine } from '../../src/train/engine';
import { openJudges, storedJudges } from '../../src/train/judges';
import { LoadedModel } from '../../src/train/loaded';
import { measuredPrompts } from '../../src/train/rewarding';
import type { RunSetup, RunView } from '../../src/train/types';
import {
  closeServices,
  datasetOf,
  LABELS,
  openTiny,
  PAIRS,
  tinyFiles,
  tinyRecipe,
  type TinyService,
  type TinyTask,
} from '../tiny-service';

vi.setConfig({ testTimeout: 120_000 });
afterEach(closeServices);
const ignore = () => undefined;

const learning = { learningRate: 0.02, evalEvery: 8, saveEvery: 8, sampleEvery: 100, heldOutRatio: 0.25 };
/** A judge that differs between answers, so that rewards do. */
const judging = { ...learning, maxSteps: 8, evalEvery: 4 };

let tiny: TinyService;
let scorer: RunView;
let classifier: RunView;

beforeEach(async () => {
  tiny = await openTiny('wasm');
  scorer = await trained(PAIRS, { ...judging, objective: { kind: 'reward' } });
  classifier = await trained(LABELS, { ...judging, objective: { kind: 'classify' } });
});

async function trained(task: TinyTask, changes: object): Promise<RunView> {
  const { service, setup, model } = tiny;
  const recipe = tinyRecipe({ ...changes });
  const started = await setup(tinyRecipe(), { recipe, dataset: await datasetOf(model, recipe, task) });
  return service.start(started, ignore);
}

const rewardsBy = (first: RunView, second: RunView, step: number | null = null) => [
  { kind: 'model', run: first.id, name: first.name, step, weight: 2 },
  { kind: 'model', run: second.id, name: second.name, step, label: 'praise', weight: 0.5 },
];

async function rewarded(rewards: readonly object[]): Promise<RunSetup> {
  const objective = { kind: 'grpo', prompts: 2, answers: 3, answerLength: 8, beta: 0, rewards };
  return tiny.setup(tinyRecipe({ ...learning, maxSteps: 5, evalEvery: 4, saveEvery: 2, objective }));
}

async function bytesOf(run: RunView): Promise<Uint8Array> {
  const opened = await openRunStore(tiny.store);
  const { snapshot } = await opened.load(run.id, null);
  await opened.close();
  return new Uint8Array(snapshot.parameters.buffer);
}

test('scores as a prediction does, names the checkpoints, and goes on to the same bytes', async () => {
  const { service, model } = tiny;
  const setup = await rewarded(rewardsBy(scorer, classifier));
  const preview = await service.previewRewards(model.id, setup.recipe, setup.dataset);
  for (const { prompt, answer, scores, total } of preview.rows) {
    const score = await service.predict({ runId: scorer.id, step: null }, { text: prompt, second: answer });
    const classes = await service.predict({ runId: classifier.id, step: null }, { text: answer, second: null });
    const praise = classes.values[classes.names.indexOf('praise')] ?? NaN;
    expect(scores[0]).toBeCloseTo(score.values[0] ?? NaN, 6);
    expect(scores[1]).toBeCloseTo(praise, 6);
    expect(total).toBeCloseTo(2 * (score.values[0] ?? NaN) + 0.5 * praise, 6);
  }
  expect(new Set(preview.rows.map(({ scores }) => scores[0]?.toFixed(6))).size).toBeGreaterThan(1);

  const whole = await service.start(setup, ignore);
  expect(whole.recipe.objective).toMatchObject({ rewards: [{ step: 8 }, { step: 8, label: 'praise' }] });
  const { steps, evals } = await service.history(whole.id);
  const means = steps.map(({ figures = {} }) => [
    figures['rewards/model 1/mean'],
    figures['rewards/model 2/mean'],
    figures['reward'],
  ]);
  for (const [first = NaN, second = NaN, reward = NaN] of means) expect(reward).toBeCloseTo(2 * first + 0.5 * second, 5);
  expect(evals.at(-1)?.metrics).toHaveProperty('reward');
  const measured = await service.measure({ runId: whole.id, step: 4, which: 'tuned', dataset: 'held-out' }, ignore);
  expect(measured?.loss).toBeCloseTo(evals.find(({ step }) => step === 4)?.loss ?? NaN, 6);

  const paused = await service.start(setup, (event) => void (event.type === 'step' && event.step === 3 && service.pause()));
  expect(paused.status).toBe('paused');
  const resumed = await (await tiny.another()).resume(paused.id, ignore);
  expect(await bytesOf(resumed)).toEqual(await bytesOf(whole));
});

test('the rewards of a run are what its answers are predicted to be', async () => {
  const { service } = tiny;
  const setup = await rewarded(rewardsBy(scorer, classifier));
  const run = await service.start(setup, ignore);
  const { objective } = run.recipe;
  if (objective.kind !== 'grpo') throw new Error('another objective');
  const praises: number[] = [];
  for (const { ids, room } of measuredPrompts(setup.dataset.heldOut, run.recipe, objective)) {
    const request = { prompt: { ids }, maxTokens: room, temperature: 0, topP: 1, seed: run.recipe.seed };
    const { text } = await service.generate({ runId: run.id, step: 5 }, request, ignore);
    const { names, values } = await service.predict({ runId: classifier.id, step: null }, { text, second: null });
    praises.push(values[names.indexOf('praise')] ?? NaN);
  }
  expect(new Set(praises).size).toBeGreaterThan(1);
  const mean = praises.reduce((sum, value) => sum + value, 0) / praises.length;
  const measured = (await service.history(run.id)).evals.at(-1);
  expect(measured?.step).toBe(5);
  expect(Math.abs((measured?.metrics?.['rewards/model 2/mean'] ?? NaN) - mean)).toBeLessThan(1e-6);
});

test('the weights of models that score are part of the forecast, each model once', async () => {
  const { service, model } = tiny;
  const weightsOf = async (rewards: readonly object[]) => {
    const { recipe, dataset } = await rewarded(rewards);
    return (await service.forecast(model.id, recipe, dataset.stats)).weights;
  };
  const none = await weightsOf([{ kind: 'json' }]);
  const [first, second] = rewardsBy(scorer, classifier, 8);
  // Rank 2 in the four products of attention and the three of the feed-forward part, and the head.
  const lora = 2 * (3 * (16 + 16) + 2 * (16 + 8) + 3 * (16 + 32) - 32);
  expect((await weightsOf([first ?? {}])) - none).toBe(4 * (lora + 16));
  expect((await weightsOf([first ?? {}, second ?? {}, { ...second, label: 'billing' }])) - none).toBe(
    4 * (2 * lora + 16 + 3 * 16),
  );
});

test('what is longer than the positions of the model loses its end', async () => {
  const reward = { kind: 'model', run: scorer.id, name: scorer.name, step: 8, label: '', weight: 1 } as const;
  const model = await LoadedModel.load(await openEngine('wasm'), await openFolder(await tinyFiles(1)), 'stored');
  const opened = await openRunStore(tiny.store);
  const { objective } = tinyRecipe({ objective: { kind: 'grpo', rewards: [reward] } });
  const stored = await storedJudges({ objective }, opened, { id: model.view.id, config: model.config });
  await opened.close();
  const before = model.executor.bytes();
  const judges = openJudges(model, stored, 140);
  const ids = Array.from({ length: 140 }, (_, i) => 300 + 7 * i);
  const answers = [140, 128, 127].map((length) => ids.slice(0, length));
  const known = { prompt: '', text: '', expected: '', tokens: 1 };
  const [whole = NaN, reach = NaN, shorter = NaN] = await judges.scores(
    reward,
    answers.map((own) => ({ ...known, ids: own })),
  );
  expect(whole).toBe(reach);
  expect(Math.abs(whole - shorter)).toBeGreaterThan(1e-4);
  await judges.dispose();
  expect(model.executor.bytes()).toBe(before);
  await model.dispose();
});

test('says which run is missing, before it starts and when it goes on', async () => {
  const { service } = tiny;
  const setup = await rewarded(rewardsBy(scorer, classifier));
  const paused = await service.start(setup, (event) => void (event.type === 'step' && event.step === 2 && service.pause()));
  await service.deleteRun(scorer.id);
  const gone = {
    code: 'store/corrupt',
    message: expect.stringMatching(/given by the run a run, which is not in this browser/) as string,
  };
  await expect(service.resume(paused.id, ignore)).rejects.toMatchObject(gone);
  await expect(service.start(setup, ignore)).rejects.toMatchObject(gone);
  const noStep = await rewarded(rewardsBy(classifier, classifier, 77).slice(1));
  await expect(service.start(noStep, ignore)).rejects.toMatchObject({
    code: 'store/corrupt',
    message: expect.stringMatching(/no checkpoint of step 77/) as string,
  });
});

test('refuses runs that score nothing, and labels that a classifier does not have', async () => {
  const { service, setup } = tiny;
  const writer = await service.start(await setup(tinyRecipe(learning)), ignore);
  const refused = async (rewards: readonly object[], message: RegExp) => {
    const attempt = service.start(await rewarded(rewards), ignore);
    await expect(attempt).rejects.toMatchObject({ code: 'recipe/invalid', message: expect.stringMatching(message) as string });
  };
  await refused([{ kind: 'model', run: writer.id, name: 'a writer' }], /a writer writes text and gives no score/);
  await refused(
    [{ kind: 'model', run: classifier.id, name: 'topics', label: 'angry' }],
    /topics has no label “angry”\. Its labels are “billing”/,
  );
});
