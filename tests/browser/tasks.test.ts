/** Runs of classifiers and of preference objectives on tiny models: trained, paused, resumed, measured. */

import { afterEach, expect, test, vi } from 'vitest';
import { openRunStore } from '../../src/checkpoint/store';
import type { Snapshot } from '../../src/checkpoint/types';
import { handled } from '../../src/core/promises';
import type { Fields } from '../../src/recipe/migrations';
import type { RunHistory, RunView } from '../../src/train/types';
import {
  CHATS,
  closeServices,
  Events,
  LABELS,
  openTiny,
  PAIRS,
  tinyRecipe,
  type TinyService,
  type TinyTask,
} from '../tiny-service';

vi.setConfig({ testTimeout: 300_000 });
const ignore = () => undefined;
afterEach(closeServices);

const request = { prompt: { text: 'The lamp' }, maxTokens: 3, temperature: 0, topP: 1, seed: 1 };
const classify = (changes: Fields = {}) => tinyRecipe({ objective: { kind: 'classify' }, heldOutRatio: 0.3, ...changes });
const dpo = (changes: Fields = {}) =>
  tinyRecipe({ objective: { kind: 'dpo' }, sequenceLength: 96, heldOutRatio: 0.3, ...changes });
const openTask = (task: TinyTask, executor: 'wasm' | 'webgpu' = 'wasm') => openTiny(executor, 1, {}, task);

const bits = ({ parameters, m, v }: Snapshot) => [parameters, m, v].map((data) => new Uint32Array(data.buffer));

/** The rows without times. */
function comparable({ steps, evals, samples }: RunHistory) {
  return { evals, samples, steps: steps.map(({ seconds, tokensPerSecond, left, ...figures }) => figures) };
}

/** A run that is paused after two steps and resumed. */
async function interrupted({ service, setup }: TinyService, recipe: ReturnType<typeof tinyRecipe>): Promise<RunView> {
  const events = new Events().when('step', ({ step }) => step === 2 && void service.pause());
  const paused = await service.start(await setup(recipe), events.receive);
  expect(paused.status).toBe('paused');
  expect(paused.step).toBeLessThan(paused.totalSteps);
  return service.resume(paused.id, ignore);
}

/** Both runs end with the same bytes and rows. */
async function expectSame({ service, store: name }: TinyService, a: RunView, b: RunView): Promise<void> {
  const store = await openRunStore(name);
  const [first, second] = await Promise.all([store.load(a.id, null), store.load(b.id, null)]);
  await store.close();
  expect(bits(second.snapshot)).toEqual(bits(first.snapshot));
  expect(comparable(await service.history(b.id))).toEqual(comparable(await service.history(a.id)));
}

test('a classifier learns labels, and continues after a pause to the same bytes', async () => {
  const tiny = await openTask(LABELS);
  const recipe = classify({ maxSteps: 60, evalEvery: 30, saveEvery: 30, learningRate: 0.01, microBatch: 2, dropout: 0.05 });
  const whole = await tiny.service.start(await tiny.setup(recipe), ignore);
  expect(whole).toMatchObject({ status: 'finished', step: 60, baseLoss: null });
  expect(whole.labels).toEqual(['billing', 'delivery', 'praise']);
  const history = await tiny.service.history(whole.id);
  expect(history.steps[0]?.loss).toBeCloseTo(Math.log(3), 0);
  expect(history.steps.at(-1)?.loss).toBeLessThan(0.5 * Math.log(3));
  expect(history.evals.map(({ step }) => step)).toEqual([30, 60]);
  const [, last] = history.evals;
  expect(last?.metrics).toMatchObject({ accuracy: 1, macroF1: 1, mcc: 1 });
  expect(history.samples).toEqual([]);
  await expectSame(tiny, whole, await interrupted(tiny, recipe));
  const files = await tiny.service.exportRun(whole.id, null, 'peft');
  const text = async (name: string) => (await files.find((file) => file.name === name)?.blob.text()) ?? '';
  expect(JSON.parse(await text('adapter_config.json'))).toMatchObject({
    task_type: 'SEQ_CLS',
    modules_to_save: ['classifier', 'score'],
  });
  for (const part of ['| 1 | `delivery` |', '| Held-out `accuracy` | 1.0000 |']) expect(await text('README.md')).toContain(part);
});

test('a language model learns labels too, and the run writes no text, in training or after it', async () => {
  const { service, setup } = await openTask({ ...LABELS, tokenizer: PAIRS.tokenizer, config: PAIRS.config });
  const asked: Promise<unknown>[] = [];
  const events = new Events().when(
    'step',
    () => void asked.push(handled(service.generate({ runId, step: null }, request, ignore))),
  );
  let runId = '';
  events.when('status', ({ run }) => (runId = run.id));
  const run = await service.start(await setup(classify()), events.receive);
  expect(asked).toHaveLength(3);
  for (const answer of [...asked, service.generate({ runId: run.id, step: null }, request, ignore)])
    await expect(answer).rejects.toMatchObject({ code: 'train/state' });
  expect((await service.generate(null, request, ignore)).ids).not.toEqual([]);
});

test('a run predicts the class of a text by the checkpoint that is chosen', async () => {
  const { service, setup } = await openTask(LABELS);
  const recipe = classify({ maxSteps: 40, evalEvery: 40, saveEvery: 20, learningRate: 0.01, microBatch: 2 });
  const { id, labels = [] } = await service.start(await setup(recipe), ignore);
  const best = async (text: string, step: number | null = null) => {
    const { kind, names, values } = await service.predict({ runId: id, step }, { text, second: null });
    expect([kind, names]).toEqual(['class', labels]);
    expect(values.reduce((sum, value) => sum + value)).toBeCloseTo(1, 6);
    return { name: names[values.indexOf(Math.max(...values))], most: Math.max(...values) };
  };
  const texts = ['Invoice 99 invoice invoice', 'Parcel 98 parcel parcel', 'Thank 97 thank thank'];
  const found = [];
  for (const text of texts) found.push(await best(text));
  expect(found.map(({ name }) => name)).toEqual(labels);
  const before = service.model?.executor.bytes();
  expect((await best(texts[0] ?? '', 20)).most).toBeLessThan(found[0]?.most ?? 0);
  expect(await best(texts[0] ?? '')).toEqual(found[0]);
  expect(service.model?.executor.bytes()).toBe(before);
  await expect(service.predict({ runId: id, step: null }, { text: '', second: null })).resolves.toMatchObject({
    kind: 'class',
  });
});

test('a run that writes text predicts nothing', async () => {
  const { service, setup } = await openTask(PAIRS);
  const { id } = await service.start(await setup(dpo()), ignore);
  await expect(service.predict({ runId: id, step: null }, { text: 'a', second: null })).rejects.toMatchObject({
    code: 'train/state',
    message: expect.stringContaining('predicts no labels or numbers') as string,
  });
});

test('an encoder answers no question', async () => {
  const { service } = await openTask(LABELS);
  await expect(service.generate(null, request, ignore)).rejects.toMatchObject({ code: 'model/unsupported' });
});

test('what a model can learn depends on its head and on the data, and a refused run stores nothing', async () => {
  const { service, setup } = await openTask(LABELS);
  const labelled = await setup(classify());
  const texts = await setup(tinyRecipe({ objective: { kind: 'sft' } }));
  await expect(service.start({ ...labelled, recipe: dpo() }, ignore)).rejects.toThrow(
    'The objective “dpo” learns from pairs of a preferred and a rejected answer, but the data are texts with one label each.',
  );
  const { layout, ...plain } = texts.dataset;
  expect(layout?.kind).toBe('labelled');
  await expect(service.start({ ...texts, dataset: plain }, ignore)).rejects.toMatchObject({ code: 'model/unsupported' });
  expect(await service.runs()).toEqual([]);
});

test('distillation is refused without a teacher, wherever a run is planned, and stores nothing', async () => {
  const { service, setup, model } = await openTask(CHATS);
  const distil = await setup(tinyRecipe({ objective: { kind: 'distil' } }));
  const plans = [() => service.forecast(model.id, distil.recipe, distil.dataset.stats), () => service.start(distil, ignore)];
  for (const plan of plans)
    await expect(plan()).rejects.toMatchObject({
      code: 'recipe/invalid',
      message: expect.stringContaining(
        'needs a teacher, a second model with the same vocabulary, and this run has none',
      ) as string,
    });
  expect(await service.runs()).toEqual([]);
});

test('DPO learns which answer is preferred, reports rewards as TRL does, and continues to the same bytes', async () => {
  const tiny = await openTask(PAIRS);
  const recipe = dpo({ maxSteps: 12, evalEvery: 6, saveEvery: 6, sampleEvery: 12, learningRate: 0.02, gradientAccumulation: 2 });
  const whole = await tiny.service.start(await tiny.setup(recipe), ignore);
  expect(whole).toMatchObject({ status: 'finished', step: 12 });
  expect(whole.baseLoss).toBeCloseTo(Math.LN2, 5);
  const { steps, evals, samples } = await tiny.service.history(whole.id);
  const rewards = ['rewards/chosen', 'rewards/rejected', 'rewards/margins', 'rewards/accuracies'];
  const tokens = ['logps/chosen', 'logps/rejected', 'entropy', 'mean_token_accuracy'];
  for (const { figures } of steps) expect(Object.keys(figures ?? {})).toEqual([...rewards, ...tokens]);
  expect(steps[0]?.figures).toMatchObject(Object.fromEntries(rewards.map((name) => [name, 0])));
  expect(steps[0]?.figures?.['logps/chosen']).toBeLessThan(0);
  expect(steps[0]?.loss).toBeCloseTo(Math.LN2, 5);
  const { 'rewards/chosen': chosen = NaN, 'rewards/rejected': rejected = NaN, ...last } = evals.at(-1)?.metrics ?? {};
  expect(last['rewards/margins']).toBeCloseTo(chosen - rejected, 5);
  expect(last['rewards/margins']).toBeGreaterThan(0.5);
  expect(last['rewards/accuracies']).toBe(1);
  expect(samples.length).toBeGreaterThan(0);
  await expectSame(tiny, whole, await interrupted(tiny, recipe));
});

test('a reward model learns to score the preferred answers higher, and continues to the same bytes', async () => {
  const tiny = await openTask(PAIRS);
  const recipe = dpo({ objective: { kind: 'reward' }, maxSteps: 12, evalEvery: 6, saveEvery: 6, learningRate: 0.02 });
  const whole = await tiny.service.start(await tiny.setup(recipe), ignore);
  expect(whole).toMatchObject({ status: 'finished', step: 12, baseLoss: null });
  const { steps, evals, samples } = await tiny.service.history(whole.id);
  expect(samples).toEqual([]);
  for (const { loss, figures } of steps) {
    expect(Number.isFinite(loss)).toBe(true);
    expect(Object.keys(figures ?? {})).toEqual(['accuracy', 'margin', 'min_reward', 'mean_reward', 'max_reward']);
  }
  expect(steps[0]?.loss).toBeCloseTo(Math.LN2, 0);
  expect(evals.at(-1)?.loss).toBeLessThan(0.5 * Math.LN2);
  const { accuracy, margin = NaN, min_reward: least = NaN, max_reward: most = NaN } = evals.at(-1)?.metrics ?? {};
  expect(accuracy).toBe(1);
  expect(margin).toBeGreaterThan(0);
  expect(margin).toBeLessThanOrEqual(most - least);
  const score = async (text: string, second: string, system = {}) => {
    const { kind, names, values } = await tiny.service.predict({ runId: whole.id, step: null }, { text, second, ...system });
    expect([kind, names, values.length]).toEqual(['score', [], 1]);
    return values[0] ?? NaN;
  };
  const [good, bad] = [await score('Question 77?', 'A gull.'), await score('Question 77?', 'It is 77.')];
  expect(good).toBeGreaterThan(bad);
  expect(await score('Question 77?', 'A gull.', { system: 'Count birds.' })).not.toBe(good);
  await expect(
    tiny.service.predict({ runId: whole.id, step: null }, { text: 'Question 77?', second: null }),
  ).rejects.toMatchObject({ code: 'data/no-examples', message: expect.stringContaining('Write an answer') as string });
  await expectSame(tiny, whole, await interrupted(tiny, recipe));
});

test('a reward model trains and scores on the GPU with the numbers of the processor', async () => {
  const recipe = dpo({ objective: { kind: 'reward', centering: 0.01 }, learningRate: 0.02 });
  const numbers = async (executor: 'wasm' | 'webgpu') => {
    const { service, setup } = await openTask(PAIRS, executor);
    const { id, tunedLoss } = await service.start(await setup(recipe), ignore);
    const { steps } = await service.history(id);
    const { values } = await service.predict({ runId: id, step: null }, { text: 'Question 77?', second: 'A gull.' });
    return [...steps.map(({ loss }) => loss), tunedLoss ?? NaN, ...values];
  };
  const [expected, found] = [await numbers('wasm'), await numbers('webgpu')];
  expect(found).toHaveLength(4 + 1);
  found.forEach((number, i) => expect(Math.abs(number - (expected[i] ?? NaN))).toBeLessThan(1e-4));
});

test('a classifier trains and predicts on the GPU with the numbers of the processor', async () => {
  const recipe = classify({ targetModules: ['query'], learningRate: 0.02 });
  const losses = async (executor: 'wasm' | 'webgpu') => {
    const { service, setup } = await openTask(LABELS, executor);
    const { id, tunedLoss } = await service.start(await setup(recipe), ignore);
    const { steps } = await service.history(id);
    const { values } = await service.predict({ runId: id, step: null }, { text: 'Parcel 98 parcel', second: null });
    return [...steps.map(({ loss }) => loss), tunedLoss ?? NaN, ...values];
  };
  const [expected, found] = [await losses('wasm'), await losses('webgpu')];
  expect(found).toHaveLength(4 + 3);
  found.forEach((loss, i) => expect(Math.abs(loss / (expected[i] ?? NaN) - 1)).toBeLessThan(1e-4));
});

test('the forecast of a classifier counts its head and no decoding', async () => {
  const { service, setup, model } = await openTask(LABELS);
  const { dataset, recipe } = await setup(classify());
  const { packedTokens } = dataset.stats;
  const forecast = await service.forecast(model.id, recipe, dataset.stats);
  const run = await service.start(await setup(recipe), ignore);
  expect(forecast).toMatchObject({ trainable: run.trainable, sampling: 0 });
  await expect(service.forecast(model.id, recipe, { packedTokens })).rejects.toMatchObject({ code: 'recipe/invalid' });
});
