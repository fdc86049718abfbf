/** A run that is rewarded by models that were trained before: a reward model and a classifier. */

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openRunStore } from '../../src/checkpoint/store';
import type { RunSetup, RunView } from '../../src/train/types';
import { closeServices, datasetOf, LABELS, openTiny, PAIRS, tinyRecipe, type TinyService, type TinyTask } from '../tiny-service';

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
    expect(scores[0]).toBeCloseTo(score.values[0] ?? NaN, 5);
    expect(scores[1]).toBeCloseTo(praise, 5);
    expect(total).toBeCloseTo(2 * (score.values[0] ?? NaN) + 0.5 * praise, 5);
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
  const resumed = await service.resume(paused.id, ignore);
  expect(await bytesOf(resumed)).toEqual(await bytesOf(whole));
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
