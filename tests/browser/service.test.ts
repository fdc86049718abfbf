/** TrainService through its public methods: which calls are allowed when, what concurrent calls do, and when a stop takes effect. */

import { afterEach, describe, expect, test, vi } from 'vitest';
import { Preparation } from '../../src/batch/preparation';
import type { EncodedDataset } from '../../src/batch/types';
import { openRunStore } from '../../src/checkpoint/store';
import type { GenerateRequest, RunView } from '../../src/train/types';
import {
  CHATS,
  closeServices,
  Events,
  inspectOther,
  LABELS,
  onRequestDevice,
  openTiny,
  PAIRS,
  tinyRecipe,
  type TinyService,
} from '../tiny-service';

vi.setConfig({ testTimeout: 300_000 });
const ignore = () => undefined;
afterEach(closeServices);

const request = (changes: Partial<GenerateRequest> = {}): GenerateRequest => ({
  ...{ prompt: { text: 'The lamp' }, maxTokens: 12, temperature: 0, topP: 1, seed: 1 },
  ...changes,
});

/** One adapted layer per block: a software adapter compiles each kernel for seconds, again on each new device. */
const gpuRecipe = (changes: Parameters<typeof tinyRecipe>[0] = {}) => tinyRecipe({ targetModules: ['q_proj'], ...changes });

const turns = (question: string, answer: string) =>
  [
    { role: 'user', content: question },
    { role: 'assistant', content: answer },
  ] as const;

describe('which run may start', () => {
  test('one for another model than the loaded one is refused, with both names', async () => {
    const { service, setup } = await openTiny('wasm');
    const other = await inspectOther(service);
    const refused = service.start({ ...(await setup()), modelId: other.id }, ignore);
    await expect(refused).rejects.toMatchObject({ code: 'train/state' });
    await expect(refused).rejects.toThrow('The run needs tiny 2, but tiny 1 is loaded. Load tiny 2, then start again.');
    expect(await service.runs()).toEqual([]);
  });

  test('one while another tab trains is refused before anything is stored', async () => {
    const { service, another, setup, store } = await openTiny('wasm');
    const second = await another();
    const events = new Events();
    const recipe = tinyRecipe({ maxSteps: 1000 });
    const training = service.start(await setup(recipe, { name: 'the first' }), events.receive);
    await expect.poll(() => events.of('step').length).toBeGreaterThan(0);
    const [first] = await second.runs();
    expect(await second.trainingElsewhere()).toBe(first?.id);
    expect(await service.trainingElsewhere()).toBeNull();
    const next = await setup(tinyRecipe({ seed: 7 }));
    const refused = second.start(next, ignore);
    await expect(refused).rejects.toMatchObject({ code: 'store/locked' });
    await expect(refused).rejects.toThrow('Another tab is training the first: watch it there, or stop it first.');
    expect((await second.runs()).map(({ name }) => name)).toEqual(['the first']);
    const reader = await openRunStore(store);
    await expect(reader.dataset(next.dataset.hash)).rejects.toMatchObject({ code: 'store/corrupt' });
    await reader.close();
    await service.stop(false);
    await training;
    expect(await second.trainingElsewhere()).toBeNull();
    expect((await second.start(next, ignore)).status).toBe('finished');
  });

  test('only one of two started at the same time', async () => {
    const { service, setup } = await openTiny('wasm');
    const given = await setup();
    const both = await Promise.allSettled([service.start(given, ignore), service.start(given, ignore)]);
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(both[1]).toMatchObject({ reason: { code: 'train/state' } });
    expect(await service.runs()).toHaveLength(1);
  });

  test('neither model nor device may change from the call of start on', async () => {
    const { service, setup, model } = await openTiny('wasm');
    const other = await inspectOther(service);
    const given = await setup();
    const training = service.start(given, ignore);
    const refused = [service.loadModel(other.id, 'stored', ignore), service.openDevice('wasm')];
    for (const each of refused) await expect(each).rejects.toMatchObject({ code: 'train/state' });
    expect(await training).toMatchObject({ status: 'finished', modelId: model.id });
  });

  test('start waits for a model that is being loaded', async () => {
    const { service, setup } = await openTiny('wasm');
    const other = await inspectOther(service);
    const loading = service.loadModel(other.id, 'stored', ignore);
    const training = service.start({ ...(await setup()), modelId: other.id }, ignore);
    await loading;
    expect(await training).toMatchObject({ status: 'finished', modelName: 'tiny 2' });
  });
});

describe('a stop', () => {
  test.each([
    ['pause', 'paused', (service: TinyService['service']) => service.pause()],
    ['stop', 'stopped', (service: TinyService['service']) => service.stop(true)],
    ['drop', 'stopped', (service: TinyService['service']) => service.stop(false)],
  ] as const)('%s right after start ends the run before its first step', async (_, status, end) => {
    const { service, setup } = await openTiny('wasm');
    const events = new Events();
    const given = await setup(tinyRecipe({ maxSteps: 50 }));
    const training = service.start(given, events.receive);
    await end(service);
    expect(await training).toMatchObject({ status, step: 0, checkpoints: [] });
    expect(events.of('step')).toEqual([]);
    expect(await service.runs()).toMatchObject([{ status, step: 0 }]);
  });

  test('a pause while kernels compile or the session opens is honoured, and the run can be resumed', async () => {
    const { service, setup } = await openTiny('wasm');
    const events = new Events();
    const given = await setup(tinyRecipe({ maxSteps: 4 }));
    events.when('memory', () => void service.pause());
    const paused = await service.start(given, events.receive);
    expect(paused).toMatchObject({ status: 'paused', step: 0 });
    expect(await service.resume(paused.id, ignore)).toMatchObject({ status: 'finished', step: 4 });
  });

  test.each([
    ['pause', 'paused', 2],
    ['stop', 'stopped', 2],
  ] as const)('%s during the recovery from a lost GPU ends the run at its newest checkpoint', async (end, status, step) => {
    const lose = catchDevice();
    const { service, setup } = await openTiny('webgpu');
    const events = new Events();
    const given = await setup(gpuRecipe({ maxSteps: 8, saveEvery: 2, sampleEvery: 8, evalEvery: 3 }));
    events.when('eval', ({ step }) => step === 3 && lose());
    events.when('notice', ({ code }) => code === 'gpu/lost' && void (end === 'pause' ? service.pause() : service.stop(true)));
    expect(await service.start(given, events.receive)).toMatchObject({ status, step });
    const [stored] = await service.runs();
    // The measurement at step 3 is gone: what remains is that of the base, at step 0.
    expect(stored).toMatchObject({ status, step, tunedLoss: stored?.baseLoss, bestLoss: stored?.baseLoss });
    expect(events.of('notice').map(({ code }) => code)).toEqual(['gpu/lost']);
    const { steps } = await service.history((await service.runs())[0]?.id ?? '');
    expect(steps.map((row) => row.step)).toEqual([1, 2]);
    // The model is on the new device: the next call needs no other.
    expect((await service.generate(null, request(), ignore)).ids.length).toBeGreaterThan(0);
  });

  test('a run whose GPU is lost three times without a new checkpoint is given up, and can be resumed', async () => {
    const lose = catchDevice();
    const { service, setup } = await openTiny('webgpu');
    const events = new Events().when('phase', ({ message }) => message === 'Compiling kernels' && lose());
    const given = service.start(await setup(gpuRecipe()), events.receive);
    await expect(given).rejects.toMatchObject({ code: 'gpu/lost' });
    await expect(given).rejects.toThrow('3 times without a new checkpoint');
    expect(events.of('notice')).toHaveLength(2);
    expect(await service.runs()).toMatchObject([{ status: 'paused', step: 0 }]);
  });

  test('a lost GPU alone is recovered from, and the run goes to its end', async () => {
    const lose = catchDevice();
    const { service, setup } = await openTiny('webgpu');
    const events = new Events();
    const given = await setup(gpuRecipe({ maxSteps: 5, saveEvery: 2, sampleEvery: 5, evalEvery: 5 }));
    events.when('checkpoint', ({ checkpoint }) => checkpoint.step === 2 && lose());
    const run = await service.start(given, events.receive);
    expect(run).toMatchObject({ status: 'finished', step: 5 });
    const { steps } = await service.history(run.id);
    expect(steps.map((row) => row.step)).toEqual([1, 2, 3, 4, 5]);
  });
});

describe('a cancelled start', () => {
  test.each([
    ['right after the call', (service: TinyService['service']) => void service.cancelRun(), null],
    ['before the first step', () => undefined, 'memory'],
    ['after the first step', () => undefined, 'step'],
  ] as const)('%s leaves no run, and the next one is the same as without it', async (_, now, when) => {
    const { service, setup, store } = await openTiny('wasm');
    const given = await setup(tinyRecipe({ maxSteps: 4 }));
    const events = new Events();
    if (when !== null) events.when(when, () => void service.cancelRun());
    const cancelled = service.start(given, events.receive);
    now(service);
    await expect(cancelled).rejects.toMatchObject({ code: 'train/cancelled' });
    expect(await service.runs()).toEqual([]);
    const reader = await openRunStore(store);
    await expect(reader.dataset(given.dataset.hash)).rejects.toMatchObject({ code: 'store/corrupt' });
    await reader.close();
    const after = await service.start(given, ignore);
    const { service: other, setup: otherSetup } = await openTiny('wasm');
    const alone = await other.start(await otherSetup(tinyRecipe({ maxSteps: 4 })), ignore);
    const losses = async (from: TinyService['service'], id: string) => (await from.history(id)).steps.map(({ loss }) => loss);
    expect(await losses(service, after.id)).toEqual(await losses(other, alone.id));
  });

  test('while the GPU’s kernels compile ends there', async () => {
    const { service, setup } = await openTiny('webgpu');
    const events = new Events();
    events.when('phase', ({ message, done }) => message === 'Compiling kernels' && done === 2 && void service.cancelRun());
    await expect(service.start(await setup(gpuRecipe()), events.receive)).rejects.toMatchObject({ code: 'train/cancelled' });
    expect(events.of('memory')).toEqual([]);
    expect(await service.runs()).toEqual([]);
  });

  test('of a paused run leaves it at its newest checkpoint, and it can be resumed', async () => {
    const { service, setup } = await openTiny('wasm');
    const events = new Events();
    events.when('checkpoint', ({ checkpoint }) => checkpoint.step === 2 && void service.pause());
    const paused = await service.start(await setup(tinyRecipe({ maxSteps: 6, saveEvery: 2, evalEvery: 2 })), events.receive);
    const resumed = new Events().when('step', () => void service.cancelRun());
    await expect(service.resume(paused.id, resumed.receive)).rejects.toMatchObject({ code: 'train/cancelled' });
    expect(await service.runs()).toMatchObject([{ status: 'paused', step: paused.step }]);
    expect((await service.history(paused.id)).steps).toHaveLength(paused.step);
    expect(await service.resume(paused.id, ignore)).toMatchObject({ status: 'finished', step: 6 });
  });
});

describe('a cancelled load', () => {
  test.each(['check', 'weights'] as const)('leaves no model while the %s are read, and the next load works', async (stage) => {
    const { service, setup, model } = await openTiny('wasm');
    const other = await inspectOther(service);
    const loading = service.loadModel(other.id, 'stored', (progress) => {
      if (progress.stage === stage) void service.cancelLoad();
    });
    await expect(loading).rejects.toMatchObject({ code: 'train/cancelled', message: 'Loading tiny 2 was cancelled.' });
    expect(service.model).toBeNull();
    expect((await service.cachedModels()).map(({ id }) => id)).not.toContain(other.id);
    await service.loadModel(model.id, 'stored', ignore);
    expect(await service.start(await setup(), ignore)).toMatchObject({ status: 'finished' });
  });

  test('ends those that wait too, not those that are called after it', async () => {
    const { service, model } = await openTiny('wasm');
    const other = await inspectOther(service);
    const loads = [service.loadModel(other.id, 'stored', ignore), service.loadModel(model.id, 'q8', ignore)];
    await service.cancelLoad();
    const after = service.loadModel(other.id, 'stored', ignore);
    for (const load of loads) await expect(load).rejects.toMatchObject({ code: 'train/cancelled' });
    await after;
    expect(service.model?.view.id).toBe(other.id);
  });
});

/** Destroys the device that was requested last, once: WebGPU reports that as a loss. */
function catchDevice(): () => void {
  let latest: GPUDevice | null = null;
  onRequestDevice((device) => (latest = device));
  return () => {
    latest?.destroy();
    latest = null;
  };
}

describe('the name of a run', () => {
  test('survives what the run writes while it trains', async () => {
    const { service, setup } = await openTiny('wasm');
    const events = new Events();
    const renames: Promise<void>[] = [];
    const given = await setup(tinyRecipe({ maxSteps: 6, evalEvery: 1, saveEvery: 1, sampleEvery: 6 }));
    events.when('eval', ({ step }) => {
      const { id = '' } = events.of('status')[0]?.run ?? {};
      renames.push(service.renameRun(id, `after ${step}`));
    });
    const run = await service.start(given, events.receive);
    await Promise.all(renames);
    expect(run).toMatchObject({ status: 'finished', step: 6, name: 'after 6' });
    expect(await service.runs()).toMatchObject([{ status: 'finished', step: 6, name: 'after 6' }]);
  });

  test('may be changed while the run ends, without undoing its end', async () => {
    const { service, setup } = await openTiny('wasm');
    const events = new Events();
    const renamed: Promise<void>[] = [];
    events.when('checkpoint', ({ checkpoint }) => {
      const { id = '' } = events.of('status')[0]?.run ?? {};
      if (checkpoint.step === 3) renamed.push(service.renameRun(id, 'renamed at the end'));
    });
    await service.start(await setup(), events.receive);
    await Promise.all(renamed);
    expect(renamed).toHaveLength(1);
    expect(await service.runs()).toMatchObject([{ status: 'finished', step: 3, name: 'renamed at the end' }]);
  });

  test('may be changed in another tab than the one that trains', async () => {
    const { service, another, setup } = await openTiny('wasm');
    const second = await another();
    const events = new Events();
    const renamed: Promise<void>[] = [];
    events.when('checkpoint', ({ checkpoint }) => {
      const { id = '' } = events.of('status')[0]?.run ?? {};
      if (checkpoint.step === 1) renamed.push(second.renameRun(id, 'from the other tab'));
    });
    const run = await service.start(await setup(tinyRecipe({ maxSteps: 6, saveEvery: 1 })), events.receive);
    await Promise.all(renamed);
    expect(run.name).toBe('from the other tab');
    expect(await service.runs()).toMatchObject([{ status: 'finished', step: 6, name: 'from the other tab' }]);
  });
});

describe('the notes of a run', () => {
  test('survive what the run writes while it trains, and come with its time and newest metrics', async () => {
    const { service, setup } = await openTiny('wasm');
    const events = new Events();
    const noted: Promise<void>[] = [];
    events.when('checkpoint', ({ checkpoint }) => {
      const { id = '' } = events.of('status')[0]?.run ?? {};
      noted.push(service.noteRun(id, `after ${checkpoint.step}`));
    });
    const run = await service.start(await setup(tinyRecipe({ maxSteps: 4, evalEvery: 2, saveEvery: 2 })), events.receive);
    await Promise.all(noted);
    const [listed] = await service.runs();
    const { steps, evals } = await service.history(run.id);
    expect(listed).toMatchObject({ status: 'finished', notes: 'after 4' });
    expect(listed?.metrics).toEqual(evals.at(-1)?.metrics);
    expect(Object.keys(listed?.metrics ?? {})).toEqual(['entropy', 'mean_token_accuracy']);
    expect(listed?.seconds).toBe(steps.at(-1)?.seconds);
    expect(run.seconds).toBe(listed?.seconds);
  });
});

describe('an answer', () => {
  test('comes from the checkpoint that is asked for', async () => {
    const { service, setup } = await openTiny('wasm');
    const recipe = tinyRecipe({
      maxSteps: 4,
      saveEvery: 2,
      evalEvery: 2,
      learningRate: 0.1,
      warmupRatio: 0,
      schedule: 'constant',
    });
    const { id } = await service.start(await setup(recipe), ignore);
    const answer = async (step: number | null) => (await service.generate({ runId: id, step }, request(), ignore)).ids;
    const [newest, fourth, second] = [await answer(null), await answer(4), await answer(2)];
    expect(newest).toEqual(fourth);
    expect(second).not.toEqual(fourth);
    expect(await answer(2)).toEqual(second);
    await expect(answer(3)).rejects.toMatchObject({ code: 'store/corrupt' });
  });

  test('that is cancelled before it began has no token', async () => {
    const { service } = await openTiny('wasm');
    const answer = service.generate(null, request({ maxTokens: 100 }), ignore);
    await service.cancelGenerate();
    expect(await answer).toMatchObject({ stopped: 'cancelled', ids: [], text: '' });
  });

  test('says when it fills what the model can read, and that a longer prompt leaves no room', async () => {
    const { service } = await openTiny('wasm');
    const ids = (count: number) => ({ prompt: { ids: Array.from({ length: count }, () => 20) } });
    const full = await service.generate(null, request({ ...ids(120), maxTokens: 20 }), ignore);
    expect(full).toMatchObject({ stopped: 'full', context: 128 });
    const refused = service.generate(null, request(ids(128)), ignore);
    await expect(refused).rejects.toMatchObject({ code: 'data/too-long' });
    await expect(refused).rejects.toThrow('has 128 tokens. The model reads and writes at most 128');
  });

  test('fails when the GPU is lost, and the next one is written on a new device', async () => {
    const lose = catchDevice();
    const { service } = await openTiny('webgpu');
    const complete = await service.generate(null, request(), ignore);
    await expect(service.generate(null, request(), lose)).rejects.toMatchObject({
      code: 'gpu/lost',
      message: expect.stringMatching(/^The GPU device was lost \(destroyed.*Ask again/) as string,
    });
    expect((await service.generate(null, request(), ignore)).ids).toEqual(complete.ids);
  });

  test('asked for after a cancel is complete, and the one before it is cancelled', async () => {
    const { service } = await openTiny('wasm');
    const first = service.generate(null, request({ maxTokens: 100 }), ignore);
    await service.cancelGenerate();
    const second = service.generate(null, request({ maxTokens: 5 }), ignore);
    expect((await first).stopped).toBe('cancelled');
    expect((await second).stopped).not.toBe('cancelled');
  });

  test('is cancelled, not broken, when another model is loaded', async () => {
    const { service } = await openTiny('wasm');
    const other = await inspectOther(service);
    const answer = service.generate(null, request({ maxTokens: 100 }), ignore);
    await service.loadModel(other.id, 'stored', ignore);
    expect((await answer).stopped).toBe('cancelled');
    expect((await service.generate(null, request(), ignore)).stopped).not.toBe('cancelled');
  });
});

describe('a measurement', () => {
  const on = (
    run: RunView,
    which: 'tuned' | 'base' | 'prompted',
    dataset: EncodedDataset | 'held-out' | 'test' = 'held-out',
  ) => ({
    ...{ runId: run.id, step: null, which, dataset },
  });
  const tasks = [
    ['texts', CHATS, {}],
    ['labels', LABELS, { objective: { kind: 'classify' } }],
    ['pairs', PAIRS, { objective: { kind: 'dpo' }, sequenceLength: 96 }],
  ] as const;

  test.each(tasks)('of %s that the run held out is the last one of the run itself, to the bit', async (_, task, changes) => {
    const { service, setup } = await openTiny('wasm', 1, {}, task);
    const recipe = tinyRecipe({ heldOutRatio: 0.3, learningRate: 0.01, ...changes });
    const run = await service.start(await setup(recipe), ignore);
    const { loss, metrics, confusion } = (await service.history(run.id)).evals.at(-1) ?? {};
    const tuned = await service.measure(on(run, 'tuned'), ignore);
    const { examples, ...figures } = tuned ?? {};
    expect(figures).toEqual({
      loss,
      ...(metrics && { metrics }),
      ...(confusion && { confusion }),
      rows: tuned?.of,
      of: tuned?.of,
    });
    expect(examples !== undefined).toBe(task === LABELS);
    expect(tuned?.of).toBe((await setup(recipe)).dataset.heldOut.lines.length);
    if (task === LABELS) {
      const refused = service.measure(on(run, 'base'), ignore);
      await expect(refused).rejects.toThrow('The base model has no classifier');
    } else {
      expect((await service.measure(on(run, 'base'), ignore))?.loss).toBe(run.baseLoss);
    }
  });

  test('of the test rows takes all of them, and nothing else of a run reads them', async () => {
    const { service, setup } = await openTiny('wasm', 1, {}, LABELS);
    const recipe = tinyRecipe({
      objective: { kind: 'classify' },
      maxSteps: 4,
      evalEvery: 2,
      learningRate: 0.01,
      heldOutRatio: 0.2,
    });
    const given = await setup({ ...recipe, testRatio: 0.3 });
    const { test: kept, ...others } = given.dataset;
    if (kept === undefined) throw new Error('there are no test rows');
    const trained = async (dataset: EncodedDataset) => {
      const run = await service.start({ ...given, recipe, dataset }, ignore);
      const { steps, evals } = await service.history(run.id);
      const weights = (await service.exportRun(run.id, null, 'peft')).find(({ name }) => name.endsWith('.safetensors'));
      return { run, losses: [steps.map(({ loss }) => loss), evals], weights: await weights?.blob.bytes() };
    };
    const spoilt = { ...kept, ids: kept.ids.map(() => 5), targets: kept.targets?.map(() => 0) ?? new Float32Array() };
    const [own, without, other] = [
      await trained(given.dataset),
      await trained({ ...others, hash: 'b'.repeat(64) }),
      await trained({ ...others, test: spoilt, hash: 'c'.repeat(64) }),
    ];
    for (const one of [without, other]) {
      expect(one.losses).toEqual(own.losses);
      expect(one.weights).toEqual(own.weights);
    }
    expect(own.run.parts).toEqual({ train: 24, heldOut: 10, test: 14 });
    expect(own.run.checkpoints).toEqual(
      without.run.checkpoints.map((one, i) => ({ ...one, savedAt: own.run.checkpoints[i]?.savedAt })),
    );

    const found = await service.measure(on(own.run, 'tuned', 'test'), ignore);
    expect([...(found?.examples?.lines ?? [])]).toEqual([...kept.lines]);
    expect(found).toEqual(await service.measure(on(own.run, 'tuned', { ...given.dataset, train: kept }), ignore));
    expect(found?.loss).not.toBe((await service.measure(on(own.run, 'tuned'), ignore))?.loss);
    await expect(service.measure(on(without.run, 'tuned', 'test'), ignore)).rejects.toThrow('have no test rows');
  });

  test('of the base with examples is that of rows which begin with them, whose answers alone count', async () => {
    const { service, setup, model } = await openTiny('wasm');
    const recipe = tinyRecipe({ heldOutRatio: 0.3, sequenceLength: 48 });
    const shots = [{ line: 1, messages: turns('Who lit it?', 'The keeper.') }];
    const run = await service.start(await setup(recipe, { shots }), ignore);
    const found = await service.measure(on(run, 'prompted'), ignore);
    expect(found).toMatchObject({ rows: found?.of, shots: 1 });
    expect(found?.loss).not.toBe(run.baseLoss);

    const question = 'Is the lamp lit tonight?';
    const wide = await service.start(await setup(tinyRecipe({ sequenceLength: 96, seed: 2 }), { shots }), ignore);
    const measured = async (which: 'base' | 'prompted', before: readonly object[]) => {
      const row = { messages: [...before, ...turns(question, 'It is, and it shines far over the water.')] };
      const data = new Preparation();
      await data.open(new File([JSON.stringify(row)], 'row.jsonl'));
      await data.setTokenizer(model.tokenizer);
      const dataset = await data.encode({ ...wide.recipe, heldOutRatio: 0 });
      return (await service.measure(on(wide, which, dataset), ignore))?.loss ?? NaN;
    };
    const shown = shots.flatMap(({ messages }) => messages.map((message) => ({ ...message, weight: 0 })));
    const [own, byHand] = [await measured('prompted', []), await measured('base', shown)];
    expect(own).toBeCloseTo(byHand, 5);
    expect(Math.abs(own - (await measured('base', [])))).toBeGreaterThan(1e-3);

    const without = await service.start(await setup(recipe), ignore);
    await expect(service.measure(on(without, 'prompted'), ignore)).rejects.toThrow('keeps no examples of conversations');
  });

  test('of other examples takes all of them, reports each batch, and differs between checkpoints', async () => {
    const { service, setup } = await openTiny('wasm');
    const recipe = tinyRecipe({ maxSteps: 4, saveEvery: 2, evalEvery: 2, learningRate: 0.05, microBatch: 1 });
    const run = await service.start(await setup(recipe), ignore);
    const { dataset } = await setup({ ...recipe, heldOutRatio: 0 });
    const batches: (readonly [number, number])[] = [];
    const onBatch = (done: number, total: number) => batches.push([done, total]);
    const newest = await service.measure(on(run, 'tuned', dataset), onBatch);
    expect(newest).toMatchObject({ rows: 24, of: 24 });
    expect(batches.map(([done]) => done)).toEqual(Array.from({ length: batches.length }, (_, i) => i));
    expect(batches.at(-1)?.[1]).toBe(batches.length - 1);
    const earlier = await service.measure({ ...on(run, 'tuned', dataset), step: 2 }, ignore);
    expect(earlier?.loss).not.toBe(newest?.loss);
  });

  test('has each example with its outputs; predictions of the same texts are theirs, and a calibration divides them', async () => {
    const { service, setup, model } = await openTiny('wasm', 1, {}, LABELS);
    const recipe = tinyRecipe({ objective: { kind: 'classify' }, maxSteps: 20, learningRate: 0.01, heldOutRatio: 0.3 });
    const run = await service.start(await setup(recipe), ignore);
    const { examples } = (await service.measure(on(run, 'tuned'), ignore)) ?? {};
    const count = examples?.lines.length ?? 0;
    expect([examples?.outputs.length, examples?.truth.length, examples?.texts.length]).toEqual([3 * count, count, count]);
    expect([...(examples?.lines ?? [])]).toEqual([...(await setup(recipe)).dataset.heldOut.lines]);
    // Line 2 is about an invoice, 3 about a parcel, 4 says thanks; a row has its text and its class.
    for (const [row, line] of [...(examples?.lines ?? [])].entries()) {
      expect(examples?.truth[row]).toBe((line - 2) % 3);
      expect(examples?.texts[row]).toContain(['invoice', 'parcel', 'thank'][(line - 2) % 3]);
    }

    const data = new Preparation();
    await data.open(new File([`text\n${(examples?.texts ?? []).join('\n')}\n\n`], 'texts.csv'));
    await data.setTokenizer(model.tokenizer);
    await data.remap({ format: 'text', roles: ['text'] });
    const target = { kind: 'class', names: run.labels ?? [] } as const;
    const dataset = await data.encodeTexts({ sequenceLength: 64, seed: 1, dataSteps: [], target });
    const found = await service.predictRows({ runId: run.id, step: null, dataset }, ignore);
    expect([...(found?.lines ?? [])]).toEqual(Array.from({ length: count }, (_, i) => i + 2));
    [...(found?.outputs ?? [])].forEach((one, i) => expect(one).toBeCloseTo(examples?.outputs[i] ?? NaN, 4));

    const request = { text: examples?.texts[0] ?? '', second: null };
    const logs = async () => (await service.predict({ runId: run.id, step: null }, request)).values.map(Math.log);
    const head = async () => {
      const [, weights] = await service.exportRun(run.id, null, 'peft');
      return readLast(await weights?.blob.arrayBuffer());
    };
    const [before, plain] = [await logs(), await head()];
    await service.calibrateRun(run.id, run.step, { temperature: 2, file: null, rows: count });
    const [after, scaled] = [await logs(), await head()];
    expect((after[0] ?? 0) - (after[1] ?? 0)).toBeCloseTo(((before[0] ?? 0) - (before[1] ?? 0)) / 2, 4);
    expect([...scaled]).toEqual([...plain].map((one) => one / 2));
    expect((await service.runs())[0]?.calibrations).toEqual([{ step: run.step, temperature: 2, file: null, rows: count }]);
    await service.calibrateRun(run.id, run.step, null);
    expect(await logs()).toEqual(before);
  });

  test('says that the run held nothing out, and that data have other targets', async () => {
    const { service, setup } = await openTiny('wasm', 1, {}, LABELS);
    const recipe = tinyRecipe({ objective: { kind: 'classify' }, heldOutRatio: 0 });
    const given = await setup(recipe);
    const run = await service.start(given, ignore);
    await expect(service.measure(on(run, 'tuned'), ignore)).rejects.toMatchObject({ code: 'data/no-examples' });
    const { layout } = given.dataset;
    const fewer = { ...given.dataset, ...(layout && { layout: { ...layout, names: layout.names.slice(1) } }) };
    await expect(service.measure(on(run, 'tuned', fewer), ignore)).rejects.toMatchObject({ code: 'data/columns' });
  });

  test('is refused while a run trains, and ends when it is cancelled or a run starts', async () => {
    const { service, setup } = await openTiny('wasm');
    const given = await setup();
    const run = await service.start(given, ignore);
    expect(await service.measure(on(run, 'tuned'), () => void service.cancelMeasure())).toBeNull();
    const ended = service.measure(on(run, 'tuned'), ignore);
    const training = service.start(given, ignore);
    expect(await ended).toBeNull();
    await expect(service.measure(on(run, 'tuned'), ignore)).rejects.toThrow('pause or stop it before you measure');
    await training;
    expect((await service.measure(on(run, 'tuned'), ignore))?.loss).toBe(run.tunedLoss);
  });
});

test('a run reports what it does between its steps', async () => {
  const { service, setup } = await openTiny('wasm');
  const events = new Events();
  await service.start(await setup(), events.receive);
  const messages = [...new Set(events.of('phase').map(({ message }) => message))];
  expect(messages).toEqual([
    'Training the first step',
    'Measuring the base on held-out examples',
    'Measuring on held-out examples',
    'Writing samples',
    'Saving a checkpoint',
  ]);
});

describe('samples', () => {
  test('that a pause cut short are not stored, and the resumed run makes them', async () => {
    const { service, setup } = await openTiny('wasm');
    const given = await setup(tinyRecipe({ maxSteps: 4, saveEvery: 4, sampleEvery: 2, evalEvery: 4 }));
    const whole = await service.start(given, ignore);
    const events = new Events();
    events.when('phase', ({ message, done }) => message === 'Writing samples' && done === 3 && void service.pause());
    const paused = await service.start(given, events.receive);
    expect(paused).toMatchObject({ status: 'paused', step: 2 });
    expect((await service.history(paused.id)).samples).toEqual([]);
    await service.resume(paused.id, ignore);
    expect((await service.history(paused.id)).samples).toEqual((await service.history(whole.id)).samples);
  });
});

/** The weights of the classifier in the file of an adapter. */
function readLast(file: ArrayBuffer | undefined): Float32Array {
  if (file === undefined) throw new Error('The adapter has no weights.');
  const size = Number(new DataView(file).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(file, 8, size))) as Record<
    string,
    { data_offsets: number[] }
  >;
  const [from = 0, to = 0] = header['base_model.model.classifier.weight']?.data_offsets ?? [];
  return new Float32Array(file.slice(8 + size + from, 8 + size + to));
}
