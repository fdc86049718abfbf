/**
 * Distillation through TrainService: the golden case `llama_distil` with both models as folders, and a teacher that is written again at
 * resume, missing, unfit, quantised, or the model itself.
 */

import { deleteDB } from 'idb';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { EncodedDataset, EncodedSplit } from '../../src/batch/types';
import { openRunStore } from '../../src/checkpoint/store';
import { openModelCache } from '../../src/model/cache';
import type { Recipe } from '../../src/recipe/recipe';
import { planBatches } from '../../src/train/batches';
import { TrainService } from '../../src/train/service';
import type { ExecutorKind, RunSetup, RunView, TeacherChoice } from '../../src/train/types';
import { loadGolden, type Golden } from '../parity/golden';
import { jobOf } from '../parity/job';
import { methodOf } from '../parity/method';
import { limitsOf } from '../parity/tolerance';
import { recipeOf } from '../parity/train-case';
import { Events } from '../tiny-service';

vi.setConfig({ testTimeout: 300_000 });
const ignore = () => undefined;
const CASE = '/tests/golden/llama_distil';
const STEPS = 5;

let golden: Golden;
let recipe: Recipe;
let dataset: EncodedDataset;
const closing: (() => unknown)[] = [];

beforeAll(async () => {
  golden = await loadGolden(CASE);
  const [method, job] = [methodOf(golden), jobOf(golden)];
  if (method === null || typeof job === 'string') throw new Error('the case is not supported');
  const plain = { ...recipeOf(golden, method), objective: job.objective, maxSteps: STEPS, heldOutRatio: 0 };
  recipe = { ...plain, saveEvery: STEPS, evalEvery: STEPS, sampleEvery: STEPS };
  dataset = ordered(recipe);
});

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** The rows of the case, each a document, in the order in which the batches of the run have them. */
function ordered(settings: Recipe): EncodedDataset {
  const rows = golden.case.steps.flatMap(({ input_ids: ids, attention_mask: mask, labels = [] }) =>
    ids.map((row, r) =>
      row.flatMap((id, t) => (mask[r]?.[t] === 1 ? [{ id, counts: (labels as number[][])[r]?.[t] !== -100 }] : [])),
    ),
  );
  const given = datasetOf(rows);
  const { source } = planBatches(given, settings, 0);
  const firsts = golden.case.steps.flatMap((_, step) => rowsOf(source.batch(step).ids));
  const order = firsts.map((found) => rows.findIndex((row) => row.every(({ id }, t) => found[t] === id)));
  // Row k of the run is document order[k]: that place gets row k of the case.
  const placed = rows.map((_, document) => rows[order.indexOf(document)] ?? []);
  return datasetOf(placed);
}

function rowsOf(ids: Int32Array): number[][] {
  const { sequenceLength, microBatch } = recipe;
  return Array.from({ length: microBatch }, (_, r) => [...ids.slice(r * sequenceLength, (r + 1) * sequenceLength)]);
}

function datasetOf(rows: readonly (readonly { readonly id: number; readonly counts: boolean }[])[]): EncodedDataset {
  const all = rows.flat();
  const split = (documents: readonly number[]): EncodedSplit => ({
    ids: Int32Array.from(documents.length === 0 ? [] : all.map(({ id }) => id)),
    trained: Uint8Array.from(documents.length === 0 ? [] : all.map(({ counts }) => (counts ? 1 : 0))),
    offsets: Uint32Array.from(documents.reduce<number[]>((ends, length) => [...ends, (ends.at(-1) ?? 0) + length], [0])),
    lines: Uint32Array.from(documents.keys()),
  });
  const stats = {
    ...{ examples: rows.length, tokens: all.length, trainedTokens: 0, truncated: 0, dropped: [], droppedCount: 0 },
    ...{ histogram: { width: 8, counts: [] }, maxLength: 24, meanLength: 18, packedTokens: 24 * rows.length },
  };
  return { train: split(rows.map(({ length }) => length)), heldOut: split([]), hash: 'distil-test', stats };
}

/** The tokens of both models; `swapped` exchanges two of them. */
function tokenizerFile(swapped = false): File {
  const tokens = Array.from({ length: 96 }, (_, id) => String.fromCodePoint(0x100 + id));
  if (swapped) [tokens[7], tokens[9]] = [tokens[9] ?? '', tokens[7] ?? ''];
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  const parts = { added_tokens: [], normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null };
  return new File([JSON.stringify({ version: '1.0', ...parts, model: { type: 'BPE', vocab, merges: [] } })], 'tokenizer.json');
}

async function folder(path: string, tokenizer = tokenizerFile()): Promise<File[]> {
  const names = ['config.json', 'model.safetensors'];
  const files = names.map(async (name) => new File([await (await fetch(`${CASE}/${path}${name}`)).blob()], name));
  return [...(await Promise.all(files)), tokenizer, new File(['{}'], 'tokenizer_config.json')];
}

let names = 0;

async function open(executor: ExecutorKind) {
  const [store, root] = [0, 0].map(() => `distil-${crypto.randomUUID()}-${names++}`) as [string, string];
  closing.push(() => deleteDB(store));
  /** A service with the student loaded: another one is that of the page after a reload. */
  const another = async () => {
    const opening = openRunStore(store);
    closing.push(async () => (await opening).close());
    const service = new TrainService(opening, openModelCache(root));
    await service.openDevice(executor);
    const { id } = await service.inspectModel({ kind: 'files', files: await folder('') });
    await service.loadModel(id, 'stored', ignore);
    return { service, id };
  };
  const { service, id: modelId } = await another();
  const { id } = await service.inspectModel({ kind: 'files', files: await folder('teacher/') });
  const setup = (teacher: TeacherChoice | null, changes: Partial<RunSetup> = {}): RunSetup => ({
    ...{ name: 'taught', modelId, recipe, dataset, datasetName: 'golden', prompts: [] },
    ...(teacher && { teacher }),
    ...changes,
  });
  return { service, store, modelId, setup, another, teacher: { modelId: id, precision: 'stored' } as const };
}

type Opened = Awaited<ReturnType<typeof open>>;

const withStore = async <T>(name: string, use: (store: Awaited<ReturnType<typeof openRunStore>>) => Promise<T>): Promise<T> => {
  const store = await openRunStore(name);
  return use(store).finally(() => store.close());
};

/** Starts a run and pauses it before its first step. */
async function paused({ service, setup, teacher }: Opened): Promise<RunView> {
  const events = new Events().when('memory', () => void service.pause());
  return service.start(setup(teacher), events.receive);
}

/** Gives a run that has not stepped the adapter of the case. */
async function startFromGolden(store: string, run: RunView): Promise<void> {
  await withStore(store, async (own) => {
    const { parameters } = await own.run(run.id);
    const size = parameters.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
    const vector = new Float32Array(size);
    for (const { name, offset } of parameters) {
      const found = golden.init.find((tensor) => tensor.name === name);
      if (found === undefined) throw new Error(`the case has no ${name}`);
      vector.set(found.data, offset);
    }
    const unlock = await own.lock(run.id);
    await own.save(run.id, { step: 0, parameters: vector, m: new Float32Array(size), v: new Float32Array(size) });
    unlock();
  });
}

test.each(['wasm', 'webgpu'] as const)('on %s the losses are those of PyTorch', async (executor) => {
  const opened = await open(executor);
  const run = await paused(opened);
  expect(run).toMatchObject({ status: 'paused', step: 0, teacher: { ...opened.teacher, name: expect.any(String) as string } });
  await startFromGolden(opened.store, run);
  const events = new Events();
  expect(await opened.service.resume(run.id, events.receive)).toMatchObject({ status: 'finished', step: STEPS });
  const limits = limitsOf(golden.case.f64_deviation);
  for (const [i, { loss, gradNorm, figures }] of events.of('step').entries()) {
    const expected = golden.case.steps[i] as unknown as { loss: number; grad_norm: number; cross_entropy: number; kl: number };
    expect(Math.abs(loss / expected.loss - 1)).toBeLessThan(limits.loss);
    expect(Math.abs(gradNorm / expected.grad_norm - 1)).toBeLessThan(limits.gradNorm);
    expect(figures?.['distil/cross_entropy']).toBeCloseTo(expected.cross_entropy, 4);
    expect(figures?.['distil/kl']).toBeCloseTo(expected.kl, 4);
  }
  expect(events.of('step')).toHaveLength(STEPS);
});

describe('a teacher', () => {
  test('is read from the cache when the run is resumed after a reload, which ends with the same bytes', async () => {
    const opened = await open('wasm');
    const { service, setup, teacher, store, another } = opened;
    const whole = await service.start(setup(teacher), ignore);
    const events = new Events().when('step', ({ step }) => step === 2 && void service.pause());
    const { id, step } = await service.start(setup(teacher), events.receive);
    expect(step).toBeLessThan(STEPS);
    const next = await another();
    expect(await next.service.resume(id, ignore)).toMatchObject({ status: 'finished', step: STEPS });
    const [a, b] = await withStore(store, (own) => Promise.all([own.load(whole.id, STEPS), own.load(id, STEPS)]));
    expect(b.snapshot).toEqual(a.snapshot);
  });

  test('takes part in a measurement after the run, which is that of the run and leaves nothing on the device', async () => {
    const { service, setup, teacher } = await open('wasm');
    const data = { ...dataset, heldOut: dataset.train, hash: 'with held-out rows' };
    const run = await service.start(setup(teacher, { dataset: data }), ignore);
    const of = (which: 'tuned' | 'base') => service.measure({ runId: run.id, step: null, which, dataset: 'held-out' }, ignore);
    const { loss, metrics } = (await service.history(run.id)).evals.at(-1) ?? {};
    expect(await of('tuned')).toMatchObject({ loss, metrics });
    expect((await of('base'))?.loss).toBe(run.baseLoss);
    const bytes = service.model?.executor.bytes();
    await of('tuned');
    expect(service.model?.executor.bytes()).toBe(bytes);
  });

  test('leaves nothing on the device, however its run ends', async () => {
    const { service, setup, teacher } = await open('webgpu');
    const bytes = () => service.model?.executor.bytes();
    const held = bytes();
    const loading = new Events().when(
      'phase',
      ({ message }) => message.startsWith('Loading the teacher') && void service.pause(),
    );
    const run = await service.start(setup(teacher), loading.receive);
    expect(run).toMatchObject({ status: 'paused', step: 0 });
    expect(loading.of('memory')).toEqual([]);
    expect(bytes()).toBe(held);
    expect(await service.resume(run.id, ignore)).toMatchObject({ status: 'finished' });
    // The cache of the samples stays for the answers.
    const after = bytes();
    await service.start(setup({ ...teacher, precision: 'q4' }), ignore);
    expect(bytes()).toBe(after);
    await service.start(setup(teacher), ignore);
    expect(bytes()).toBe(after);
  });

  test('may be the model itself: at the first step there is nothing to learn from it', async () => {
    const { service, setup, modelId } = await open('wasm');
    const events = new Events();
    await service.start(setup({ modelId, precision: 'stored' }), events.receive);
    expect(events.of('step')[0]?.figures?.['distil/kl']).toBeLessThan(1e-6);
    expect(events.of('step')).toHaveLength(STEPS);
  });

  test('in 4 bits gives other predictions than one as stored', async () => {
    const { service, setup, teacher } = await open('wasm');
    const kl = async (precision: TeacherChoice['precision']) => {
      const events = new Events();
      await service.start(setup({ ...teacher, precision }), events.receive);
      return events.of('step')[0]?.figures?.['distil/kl'] ?? NaN;
    };
    const [stored, q4] = [await kl('stored'), await kl('q4')];
    expect(Math.abs(q4 / stored - 1)).toBeGreaterThan(1e-4);
    expect(Math.abs(q4 / stored - 1)).toBeLessThan(0.5);
  });

  test('that is needed and missing stops the start', async () => {
    const { service, setup } = await open('wasm');
    const none = service.start(setup(null), ignore);
    await expect(none).rejects.toMatchObject({ code: 'recipe/invalid' });
    await expect(none).rejects.toThrow('needs a teacher');
    const unknown = service.start(setup({ modelId: 'nobody', precision: 'stored' }), ignore);
    await expect(unknown).rejects.toMatchObject({ code: 'train/state' });
    expect(await service.runs()).toEqual([]);
  });

  test('that was deleted is named when the run is resumed', async () => {
    const opened = await open('wasm');
    const run = await paused(opened);
    await opened.service.deleteModel(opened.teacher.modelId);
    const { service } = await opened.another();
    const refused = service.resume(run.id, ignore);
    await expect(refused).rejects.toMatchObject({ code: 'train/state' });
    await expect(refused).rejects.toThrow(`The run learns from ${run.teacher?.name ?? ''}, which is not on this device.`);
  });

  test('with other tokens is refused, with the first difference, and listed with the reason', async () => {
    const { service, setup, modelId, teacher } = await open('wasm');
    const files = await folder('teacher/', tokenizerFile(true));
    const config = JSON.parse(await (files[0]?.text() ?? '')) as object;
    files[0] = new File([JSON.stringify({ ...config, _name_or_path: 'stranger' })], 'config.json');
    const { id } = await service.inspectModel({ kind: 'files', files });
    const message = 'Token 7 is “ĉ” for stranger and “ć” for';
    await expect(service.start(setup({ modelId: id, precision: 'stored' }), ignore)).rejects.toThrow(message);
    const listed = await service.teachers(modelId);
    expect(listed.find((one) => one.id === teacher.modelId)).toMatchObject({ problem: null });
    expect(listed.find((one) => one.id === id)?.problem).toContain(message);
  });
});
