/** A run on several datasets, and one that begins with the examples that are easy for the base: losses, order, resume to the same bytes. */

import { afterEach, expect, test, vi } from 'vitest';
import { SplitWriter, exampleAt } from '../../src/batch/split-writer';
import type { EncodedDataset } from '../../src/batch/types';
import { openRunStore } from '../../src/checkpoint/store';
import type { DifficultyRow } from '../../src/checkpoint/types';
import { createBatches } from '../../src/batch/batches';
import type { RunSetup, RunView, TrainEvent } from '../../src/train/types';
import { closeServices, Events, openTiny, tinyRecipe, type TinyService } from '../tiny-service';

vi.setConfig({ testTimeout: 120_000 });
afterEach(closeServices);
const ignore = () => undefined;

const learning = {
  maxSteps: 12,
  learningRate: 0.02,
  evalEvery: 6,
  saveEvery: 3,
  sampleEvery: 12,
  heldOutRatio: 0.25,
  epochs: 50,
};
const mixture = {
  weight: 0.5,
  others: [{ name: 'other.jsonl', hash: 'ab'.repeat(32), weight: 2, mapping: null, dataSteps: [] }],
};

/** A run on the data with a second dataset of the same form: another split of them. */
async function mixed({ setup }: TinyService, changes = {}): Promise<RunSetup> {
  const { dataset: other } = await setup(tinyRecipe({ ...learning, seed: 3 }));
  return setup(tinyRecipe({ ...learning, mixture, ...changes }), { mixed: [other] });
}

/** The held-out examples, as all the examples of a dataset. */
const heldOutOf = (dataset: EncodedDataset): EncodedDataset => ({ ...dataset, train: dataset.heldOut });

async function stored<T>(store: string, read: (opened: Awaited<ReturnType<typeof openRunStore>>) => Promise<T>): Promise<T> {
  const opened = await openRunStore(store);
  const result = await read(opened);
  await opened.close();
  return result;
}

async function bytesOf(store: string, run: RunView): Promise<readonly Uint8Array[]> {
  const { snapshot } = await stored(store, (opened) => opened.load(run.id, null));
  return [snapshot.parameters, snapshot.m, snapshot.v].map((data) => new Uint8Array(data.buffer));
}

const difficulties = (store: string, run: RunView) =>
  stored(store, async (opened) => ((await opened.rows(run.id, 'difficulties')) as readonly DifficultyRow[])[0]?.losses);

/** Starts, asks for a pause where `when` says so, and resumes until the end. */
async function interrupted({ service }: TinyService, setup: RunSetup, when: (event: TrainEvent) => boolean): Promise<RunView> {
  const paused = await service.start(setup, (event) => void (when(event) && service.pause()));
  expect(paused.status).toBe('paused');
  return service.resume(paused.id, ignore);
}

test('measures each dataset by itself, and the base on each', async () => {
  const tiny = await openTiny('wasm');
  const { service } = tiny;
  const setup = await mixed(tiny);
  const [other = setup.dataset] = setup.mixed ?? [];
  const run = await service.start(setup, ignore);
  expect(run.mixture?.map(({ name, weight, train, heldOut }) => [name, weight, train, heldOut])).toEqual([
    ['lighthouse-keeper.jsonl', 0.5, setup.dataset.train.lines.length, setup.dataset.heldOut.lines.length],
    ['other.jsonl', 2, other.train.lines.length, other.heldOut.lines.length],
  ]);
  const { evals } = await service.history(run.id);
  expect(evals.map(({ sources }) => sources?.length)).toEqual([2, 2, 2]);
  const request = { runId: run.id, step: 12 } as const;
  const lossOn = async (which: 'tuned' | 'base', dataset: EncodedDataset) =>
    (await service.measure({ ...request, which, dataset: heldOutOf(dataset) }, ignore))?.loss ?? NaN;
  for (const [i, dataset] of [setup.dataset, other].entries()) {
    expect(evals.at(-1)?.sources?.[i]).toBeCloseTo(await lossOn('tuned', dataset), 5);
    expect(run.mixture?.[i]?.baseLoss).toBeCloseTo(await lossOn('base', dataset), 5);
  }
  const whole = await service.measure({ ...request, which: 'tuned', dataset: 'held-out' }, ignore);
  expect(whole?.sources).toEqual(evals.at(-1)?.sources);
});

test('goes on to the same bytes with a mixture and a curriculum, also when it is interrupted while the base reads', async () => {
  const tiny = await openTiny('wasm');
  const { service, store } = tiny;
  const setup = await mixed(tiny, { order: 'easy-first' });
  const whole = await service.start(setup, ignore);
  expect(whole.status).toBe('finished');
  const later = await interrupted(tiny, setup, (event) => event.type === 'step' && event.step === 5);
  const reading = await interrupted(
    tiny,
    setup,
    (event) => event.type === 'phase' && event.message.startsWith('Reading the examples'),
  );
  const bytes = await bytesOf(store, whole);
  expect(await bytesOf(store, later)).toEqual(bytes);
  expect(await bytesOf(store, reading)).toEqual(bytes);
  expect(await difficulties(store, reading)).toEqual(await difficulties(store, whole));
  const shuffled = await service.start(await mixed(tiny), ignore);
  expect(await bytesOf(store, shuffled)).not.toEqual(bytes);
});

test('begins with the rows on which the base has the smallest losses, which are those that it is measured with', async () => {
  const tiny = await openTiny('wasm');
  const { service, setup, store } = tiny;
  const started = await setup(tinyRecipe({ ...learning, order: 'easy-first' }));
  const events = new Events();
  const run = await service.start(started, events.receive);
  const losses = (await difficulties(store, run)) ?? new Float32Array(0);
  const { train } = started.dataset;
  expect(losses).toHaveLength(train.lines.length);
  for (const index of [0, 5, train.lines.length - 1]) {
    const writer = new SplitWriter();
    writer.add(exampleAt(train, index, 1));
    const dataset = { ...started.dataset, train: writer.finish() };
    const measured = await service.measure({ runId: run.id, step: 12, which: 'base', dataset }, ignore);
    expect(losses[index]).toBeCloseTo(measured?.loss ?? NaN, 5);
  }
  const batches = createBatches(train, { ...run.recipe, difficulty: losses });
  const docs = (index: number) => batches.batch(0, index);
  const mean = Array.from({ length: batches.rows(0) }, (_, row) => meanOf(docs(row).ids, train, losses));
  expect(mean).toEqual([...mean].sort((a, b) => a - b));
  expect(mean.at(-1)).toBeGreaterThan(mean[0] ?? NaN);
});

/** The mean loss of the examples whose tokens are in a row. */
function meanOf(ids: Int32Array, train: EncodedDataset['train'], losses: Float32Array): number {
  const text = `,${ids.join()},`;
  const inRow = [...losses.keys()].filter((i) =>
    text.includes(`,${train.ids.subarray(train.offsets[i], train.offsets[i + 1]).join()},`),
  );
  return inRow.reduce((sum, i) => sum + (losses[i] ?? NaN), 0) / inRow.length;
}
