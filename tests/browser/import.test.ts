/** Files of a run in other hands: an adapter comes back as a run, a run starts from it, and merged weights answer as the adapter does. */

import { afterEach, expect, test, vi } from 'vitest';
import type { ExportedFile } from '../../src/export/types';
import { closeServices, LABELS, openTiny, tinyRecipe } from '../tiny-service';

vi.setConfig({ testTimeout: 300_000 });
const ignore = () => undefined;
afterEach(closeServices);

const request = { prompt: { text: 'The lamp' }, maxTokens: 8, temperature: 0, topP: 1, seed: 1 };
const learning = { maxSteps: 20, learningRate: 0.02, evalEvery: 20, saveEvery: 20, sampleEvery: 20 };
const asFiles = (files: readonly ExportedFile[]) =>
  files.filter(({ name }) => !name.includes('/')).map(({ name, blob }) => new File([blob], name));

test('an adapter comes back as a run that answers as before, and is saved with the same bytes', async () => {
  const { service, setup, model } = await openTiny('wasm');
  const run = await service.start(await setup(tinyRecipe(learning)), ignore);
  const files = await service.exportRun(run.id, null, 'peft');
  expect(files.map(({ name }) => name)).toContain('base/model.safetensors');
  const back = await service.importAdapter(model.id, asFiles(files), 'from-elsewhere');
  expect(back).toMatchObject({ name: 'from-elsewhere', status: 'finished', imported: true, trainable: run.trainable });
  const answers = await Promise.all([run, back].map(({ id }) => service.generate({ runId: id, step: null }, request, ignore)));
  expect(answers[1]?.ids).toEqual(answers[0]?.ids);
  expect(answers[0]?.ids).not.toEqual((await service.generate(null, request, ignore)).ids);
  const again = await service.exportRun(back.id, null, 'peft');
  const weights = (all: readonly ExportedFile[]) => all.find(({ name }) => name === 'adapter_model.safetensors')?.blob;
  expect(await weights(again)?.bytes()).toEqual(await weights(files)?.bytes());
});

test('a run starts from an adapter, and not from one with other weights', async () => {
  const { service, setup, model } = await openTiny('wasm');
  const recipe = tinyRecipe({ ...learning, maxSteps: 20 });
  const first = await service.start(await setup(recipe), ignore);
  const back = await service.importAdapter(model.id, asFiles(await service.exportRun(first.id, null, 'peft')), null);
  const further = await service.start(await setup({ ...recipe, init: { run: back.id, name: back.name, step: null } }), ignore);
  const [fresh, continued] = [await service.history(first.id), await service.history(further.id)];
  // Both see the same examples in their first step.
  expect(continued.steps[0]?.loss).toBeLessThan((fresh.steps[0]?.loss ?? 0) - 0.2);
  expect(further.baseLoss).toBe(first.baseLoss);
  expect(continued.evals[0]).toEqual({ step: 0, loss: first.tunedLoss, metrics: fresh.evals.at(-1)?.metrics });
  expect(further.checkpoints.map(({ step }) => step)).toContain(0);
  const other = await setup({ ...tinyRecipe({ ...learning, rank: 4 }), init: { run: back.id, name: back.name, step: null } });
  await expect(service.start(other, ignore)).rejects.toThrow(/can’t start from adapter: it trains other weights/);
  expect(await service.runs()).toHaveLength(3);
});

test('merged weights answer as the adapter does, and go to disk', async () => {
  const { service, setup } = await openTiny('wasm');
  const run = await service.start(await setup(tinyRecipe(learning)), ignore);
  const tuned = await service.generate({ runId: run.id, step: null }, request, ignore);
  const seen: number[] = [];
  const files = await service.exportRun(run.id, null, 'merged', { weightType: 'F32' }, (done) => seen.push(done));
  expect(seen.at(-1)).toBe(files.reduce((sum, { blob }) => sum + blob.size, 0));
  expect(files.every(({ blob }) => blob instanceof File)).toBe(true);
  const merged = await service.inspectModel({ kind: 'files', files: asFiles(files) });
  await service.loadModel(merged.id, 'stored', ignore);
  const answer = await service.generate(null, request, ignore);
  expect(answer.ids).toEqual(tuned.ids);
  const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('chosen', { create: true });
  await service.exportRun(run.id, null, 'bundle', { into: folder });
  const data = await (await folder.getDirectoryHandle('data')).getFileHandle('train.jsonl');
  const [line = ''] = (await (await data.getFile()).text()).split('\n');
  const row = JSON.parse(line) as { text: string; input_ids: number[]; labels: number[] };
  expect(row.labels.length).toBe(row.input_ids.length);
  expect(row.labels.filter((id) => id !== -100).length).toBeGreaterThan(0);
  await (await navigator.storage.getDirectory()).removeEntry('chosen', { recursive: true });
});

test('the classifier of an adapter comes back with its labels', async () => {
  const { service, setup, model } = await openTiny('wasm', 1, {}, LABELS);
  const recipe = tinyRecipe({ objective: { kind: 'classify' }, heldOutRatio: 0.3, ...learning });
  const run = await service.start(await setup(recipe), ignore);
  const back = await service.importAdapter(model.id, asFiles(await service.exportRun(run.id, null, 'peft')), null);
  expect(back.labels).toEqual(run.labels);
  const asked = { text: 'The lamp is broken.', second: null };
  const [before, after] = await Promise.all([run, back].map(({ id }) => service.predict({ runId: id, step: null }, asked)));
  expect(after).toEqual(before);
  const { outputs, choices } = await service.exports(back.id);
  expect(outputs).toBe(run.labels?.length);
  expect(choices.find(({ kind }) => kind === 'mlx')?.blocker).toContain('no classifiers');
  const lines = await service.exportRun(run.id, null, 'report');
  const csv = await lines.find(({ name }) => name === 'log.csv')?.blob.text();
  expect(csv?.split('\n')[0]).toContain('eval_accuracy');
});
