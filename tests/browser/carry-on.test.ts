/** A run that carries on another one: replayed examples, resume to the same bytes, what is kept of the parent, and what was forgotten. */

import { afterEach, expect, test, vi } from 'vitest';
import { openRunStore } from '../../src/checkpoint/store';
import type { RunSetup, RunView } from '../../src/train/types';
import { closeServices, Events, openTiny, tinyRecipe, type TinyService } from '../tiny-service';

vi.setConfig({ testTimeout: 120_000 });
afterEach(closeServices);
const ignore = () => undefined;

const learning = { maxSteps: 12, learningRate: 0.02, evalEvery: 12, saveEvery: 12, sampleEvery: 12, heldOutRatio: 0.25 };
const request = { runId: '', step: null, which: 'tuned', dataset: 'held-out' } as const;

/** Other data of the same form: the examples of another seed, of which another part is for training. */
async function carriedOn({ setup }: TinyService, from: RunView, replay: number, changes = {}): Promise<RunSetup> {
  const recipe = tinyRecipe({ ...learning, seed: 3, ...changes });
  return setup({ ...recipe, replay, init: { run: from.id, name: from.name, step: null } });
}

async function bytesOf(store: string, run: RunView): Promise<Uint8Array> {
  const opened = await openRunStore(store);
  const { snapshot } = await opened.load(run.id, null);
  await opened.close();
  return new Uint8Array(snapshot.parameters.buffer);
}

test('replays old examples, resumes to the same bytes, and measures what was forgotten after its parent is gone', async () => {
  const tiny = await openTiny('wasm');
  const { service, setup, store } = tiny;
  const first = await service.start(await setup(tinyRecipe(learning)), ignore);
  const old = await service.oldData(first.id);
  expect(old).toMatchObject({ examples: first.parts?.train });

  const whole = await service.start(await carriedOn(tiny, first, 0.5), ignore);
  expect(whole.parent).toMatchObject({ runId: first.id, step: 12, datasetHash: first.datasetHash });
  expect(whole.parent?.replayed).toBe(Math.min(old?.examples ?? 0, (whole.parts?.train ?? 0) - (whole.parent?.replayed ?? 0)));
  expect(whole.recipe.init).toEqual({ run: first.id, name: first.name, step: 12 });

  const events = new Events();
  events.when('step', ({ step }) => void (step === 4 && service.pause()));
  const paused = await service.start(await carriedOn(tiny, first, 0.5), events.receive);
  expect(paused.status).toBe('paused');
  const resumed = await service.resume(paused.id, ignore);
  expect(resumed.datasetHash).toBe(whole.datasetHash);
  expect(await bytesOf(store, resumed)).toEqual(await bytesOf(store, whole));

  const before = await service.measure({ ...request, runId: whole.id, which: 'start', dataset: 'old' }, ignore);
  expect(before?.loss).toBe(first.tunedLoss);
  const after = await service.measure({ ...request, runId: whole.id, dataset: 'old' }, ignore);
  expect(after?.loss).not.toBe(before?.loss);

  await service.deleteRun(first.id);
  expect(await service.measure({ ...request, runId: whole.id, dataset: 'old' }, ignore)).toEqual(after);
  await service.deleteRun(whole.id);
  expect(await service.measure({ ...request, runId: resumed.id, dataset: 'old' }, ignore)).toEqual(after);
});

test('a run that ended before its first checkpoint starts from its parent again', async () => {
  const tiny = await openTiny('wasm');
  const { service, setup, store } = tiny;
  const first = await service.start(await setup(tinyRecipe(learning)), ignore);
  const whole = await service.start(await carriedOn(tiny, first, 0, { heldOutRatio: 0 }), ignore);
  const opened = await openRunStore(store);
  const { checkpoints: _, newest: __, locked: ___, ...record } = await opened.run(whole.id);
  await opened.putRun({ ...record, id: 'killed', status: 'running', step: 0, tunedLoss: null, bestLoss: null });
  await opened.close();
  const resumed = await service.resume('killed', ignore);
  expect(await bytesOf(store, resumed)).toEqual(await bytesOf(store, whole));
});

test('old data that are not kept are taken from their file, and pairs are measured as texts', async () => {
  const tiny = await openTiny('wasm');
  const { service, setup, model } = tiny;
  const first = await service.start(await setup(tinyRecipe(learning)), ignore);
  const files = await service.exportRun(first.id, null, 'peft');
  const adapter = files.filter(({ name }) => !name.includes('/')).map(({ name, blob }) => new File([blob], name));
  const back = await service.importAdapter(model.id, adapter, 'back');
  expect(await service.oldData(back.id)).toBeNull();
  const wanted = await carriedOn(tiny, back, 0.3);
  await expect(service.start(wanted, ignore)).rejects.toThrow(/Replay needs the data of back.*Open their file/);
  const { dataset } = await setup(tinyRecipe(learning));
  const run = await service.start({ ...wanted, old: dataset }, ignore);
  expect(run.parent?.replayed).toBeGreaterThan(0);
  expect((await service.measure({ ...request, runId: run.id, which: 'start', dataset: 'old' }, ignore))?.loss).toBe(
    first.tunedLoss,
  );
  const all = await service.measure({ ...request, runId: run.id, dataset: { text: dataset } }, ignore);
  expect(all?.rows).toBe(dataset.train.lines.length);
});
