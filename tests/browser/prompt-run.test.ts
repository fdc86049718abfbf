/**
 * Runs of trained prompts through the service: trained, paused, resumed to the bytes of a run that was not, asked, saved for PEFT, and read
 * back.
 */

import { afterEach, expect, test, vi } from 'vitest';
import { openRunStore } from '../../src/checkpoint/store';
import type { Snapshot } from '../../src/checkpoint/types';
import type { ExportedFile } from '../../src/export/types';
import { parseRecipe, type Recipe } from '../../src/recipe/recipe';
import type { RunView } from '../../src/train/types';
import { closeServices, Events, openTiny, PAIRS, type TinyService } from '../tiny-service';

vi.setConfig({ testTimeout: 300_000 });
afterEach(closeServices);

const ignore = () => undefined;
const bits = ({ parameters, m, v }: Snapshot) => [parameters, m, v].map((data) => new Uint32Array(data.buffer));
const asFiles = (files: readonly ExportedFile[]) =>
  files.filter(({ name }) => !name.includes('/')).map(({ name, blob }) => new File([blob], name));
const size = { version: 2, learningRate: 0.1, sequenceLength: 64, maxSteps: 4, evalEvery: 2, sampleEvery: 4, saveEvery: 2 };

/** A run that was paused and resumed, with the bytes of one that was not. */
async function resumed({ service, setup, store: database }: TinyService, recipe: Recipe): Promise<RunView> {
  const whole = await service.start(await setup(recipe), ignore);
  const paused = await service.start(await setup(recipe), new Events().when('step', () => void service.pause()).receive);
  expect(paused.status).toBe('paused');
  const run = await service.resume(paused.id, ignore);
  const store = await openRunStore(database);
  const [a, b] = await Promise.all([store.load(whole.id, null), store.load(run.id, null)]);
  await store.close();
  expect(bits(b.snapshot)).toEqual(bits(a.snapshot));
  return run;
}

/** The tiny model has 16 columns, one layer, and keys of 8 columns. */
test.each([
  [{ kind: 'prompt', virtualTokens: 6, promptStart: 'text', promptText: 'The lighthouse keeper says:' }, 6 * 16],
  [{ kind: 'p-tuning', virtualTokens: 6, encoderSize: 8 }, 6 * 16 + (16 + 1 + 8 + 1 + 16) * 8 + 16],
  [{ kind: 'prefix', virtualTokens: 6 }, 6 * 2 * 8],
])('%o', async (method, trainable) => {
  const tiny = await openTiny('wasm');
  const { service, model } = tiny;
  const run = await resumed(tiny, parseRecipe({ ...size, method }));
  expect(run).toMatchObject({ status: 'finished', step: 4, trainable });
  expect(run.tunedLoss).not.toBe(run.baseLoss);

  const { choices } = await service.exports(run.id);
  expect(choices.filter(({ blocker }) => blocker === null).map(({ kind }) => kind)).toEqual(['peft', 'report']);
  const files = await service.exportRun(run.id, null, 'peft');
  const back = await service.importAdapter(model.id, asFiles(files), null);
  const request = { prompt: { text: 'The lamp' }, maxTokens: 12, temperature: 0, topP: 1, seed: 1 };
  const [tuned, read, base] = await Promise.all(
    [run.id, back.id, null].map((runId) => service.generate(runId === null ? null : { runId, step: null }, request, ignore)),
  );
  expect(tuned?.ids).not.toEqual(base?.ids);
  expect(read?.ids).toEqual(tuned?.ids);
  const again = await service.exportRun(back.id, null, 'peft');
  const weights = (all: readonly ExportedFile[]) => all.find(({ name }) => name === 'adapter_model.safetensors')?.blob;
  expect(await weights(again)?.bytes()).toEqual(await weights(files)?.bytes());
});

test('on the GPU, with activations in 16 bits', async () => {
  const recipe = parseRecipe({ ...size, method: { kind: 'prefix', virtualTokens: 6 }, activationPrecision: 'f16' });
  expect(await resumed(await openTiny('webgpu'), recipe)).toMatchObject({ status: 'finished', step: 4 });
});

test('pairs of answers: the base is its own reference, without the prompt', async () => {
  const { service, setup } = await openTiny('wasm', 1, {}, PAIRS);
  const recipe = parseRecipe({ ...size, method: { kind: 'prompt', virtualTokens: 4 }, objective: { kind: 'dpo' } });
  const run = await service.start(await setup(recipe), ignore);
  expect(run.baseLoss).toBeCloseTo(Math.LN2, 6);
  expect(run.tunedLoss).not.toBeCloseTo(Math.LN2, 3);
});
