/** Overlapping actions: the newest one wins. */

import { beforeEach, describe, expect, it } from 'vitest';
import { CodedError } from '../../src/core/errors';
import { DataState, type Encoding } from '../../src/state/data.svelte';
import { SAMPLES } from '../../src/state/samples';
import type { DeviceState } from '../../src/state/device.svelte';
import { ModelState } from '../../src/state/model.svelte';
import { OtherTab } from '../../src/state/other-tab.svelte';
import { Runs } from '../../src/state/runs.svelte';
import { recall, remember } from '../../src/state/storage';
import { Training } from '../../src/state/training.svelte';
import type { DataApi, DataFile, DatasetView, ModelSource, ModelView, RunView, TrainApi } from '../../workers/api';
import { deferredClient } from './deferred-client';

beforeEach(() => {
  localStorage.clear();
  sessionStorage.clear();
});

const device = { ensureOpen: () => Promise.resolve(null) } as unknown as DeviceState;
const files = (id: string): ModelSource => ({ kind: 'files', files: [new File([id], id)] });
const nameOf = (source: ModelSource): string => (source.kind === 'files' ? (source.files[0]?.name ?? '') : source.kind);
const viewOf = (source: ModelSource) => ({ id: nameOf(source), name: nameOf(source), context: 256 }) as ModelView;
const settled = () => new Promise((resolve) => setTimeout(resolve, 20));

describe('the model', () => {
  const answers = { cachedModels: () => [], inspectModel: viewOf };

  it('is loaded as requested, and a load of another one that is under way is cancelled', async () => {
    const { client, call, calls } = deferredClient<TrainApi>(answers);
    const model = new ModelState(client, device);
    await model.choose(files('A'));
    const first = model.ensureLoaded(model.chosen, 'stored');
    const loadA = await call('loadModel');
    await model.choose(files('B'));
    const second = model.ensureLoaded(model.chosen, 'stored');
    const loadB = await call('loadModel', 1);
    await call('cancelLoad');
    loadA.reject(new CodedError('train/cancelled', 'Loading A was cancelled.'));
    loadB.resolve(undefined);
    await expect(first).rejects.toMatchObject({ code: 'train/cancelled' });
    await second;
    expect(calls.filter(({ method }) => method === 'loadModel').map(({ args }) => args[0])).toEqual(['A', 'B']);
    expect(model.loaded).toBe(true);
  });

  it('is loaded once for two requests in one precision, and again for another precision', async () => {
    const { client, call, calls } = deferredClient<TrainApi>(answers);
    const model = new ModelState(client, device);
    await model.choose(files('A'));
    const both = [model.ensureLoaded(model.chosen, 'stored'), model.ensureLoaded(model.chosen, 'stored')];
    (await call('loadModel')).resolve(undefined);
    await Promise.all(both);
    const quantised = model.ensureLoaded(model.chosen, 'q4');
    (await call('loadModel', 1)).resolve(undefined);
    await quantised;
    expect(calls.filter(({ method }) => method === 'loadModel').map(({ args }) => args[1])).toEqual(['stored', 'q4']);
  });

  it('chosen by the user stays when the one of the last visit is found later', async () => {
    const { client, call } = deferredClient<TrainApi>({ inspectModel: viewOf });
    const model = new ModelState(client, device);
    const restored = model.restore();
    await model.choose(files('B'));
    (await call('cachedModels')).resolve([]);
    await restored;
    expect(model.view?.id).toBe('B');
  });

  it('chosen by the user stays when the model of a run is searched', async () => {
    const { client } = deferredClient<TrainApi>(answers);
    const model = new ModelState(client, device);
    await model.choose(files('A'));
    expect((await model.find('starter'))?.view.id).toBe('starter');
    expect(await model.find('elsewhere')).toBeNull();
    expect(model.view?.id).toBe('A');
  });

  it('is read again by the next worker when one died', async () => {
    const { client, call, calls, die } = deferredClient<TrainApi>(answers);
    const model = new ModelState(client, device);
    await model.choose(files('A'));
    const { chosen } = model;
    await model.choose(files('B'));
    die();
    const loaded = model.ensureLoaded(chosen, 'stored');
    (await call('loadModel')).resolve(undefined);
    await loaded;
    const since = calls.slice(calls.findLastIndex(({ args }) => args[0] === files('B')) + 1);
    expect(since.filter(({ method }) => method === 'inspectModel').map(({ args }) => nameOf(args[0] as ModelSource))).toContain(
      'A',
    );
  });
});

describe('the dataset', () => {
  const dataset = (name: string) => ({ name, examples: 0, columns: [], leftOut: 0 }) as unknown as DatasetView;
  const opened = ([file]: readonly DataFile[]) => dataset(file?.path ?? '');

  it('that was dropped stays when the sample of the last visit is fetched later', async () => {
    remember('sample', 'support-tickets.csv');
    const { client } = deferredClient<DataApi>({ open: opened });
    const data = new DataState(client);
    const restored = data.restore();
    await data.open(new File(['x'], 'mine.csv'));
    await restored;
    expect(data.view?.name).toBe('mine.csv');
    expect(recall('sample')).toBeNull();
  });

  it('that was dropped stays when a sample that was clicked before is fetched later', async () => {
    const { client } = deferredClient<DataApi>({ open: opened });
    const data = new DataState(client);
    await data.restore();
    const [sample] = SAMPLES;
    if (sample === undefined) throw new Error('There are no samples.');
    await Promise.all([data.openSample(sample), data.open(new File(['x'], 'mine.csv'))]);
    expect(data.view?.name).toBe('mine.csv');
    expect(recall('sample')).toBeNull();
  });

  it('of the last visit is remembered when the file dropped after it is refused', async () => {
    const { client, call } = deferredClient<DataApi>();
    const data = new DataState(client);
    await data.restore();
    const [sample] = SAMPLES;
    if (sample === undefined) throw new Error('There are no samples.');
    const chosen = data.openSample(sample);
    (await call('open')).resolve(dataset(sample.file));
    await chosen;
    const dropped = data.open(new File([''], 'bad.csv'));
    (await call('open', 1)).reject(new Error('bad'));
    await dropped;
    expect([data.view?.name, data.refused, recall('sample')]).toEqual([sample.file, 'bad.csv', sample.file]);
  });

  it('is counted by the encoding that its file brought about, not by the one given before', async () => {
    const { client, call } = deferredClient<DataApi>({
      open: () => ({ ...dataset('a.csv'), examples: 1 }),
      setTokenizer: () => null,
    });
    const data = new DataState(client);
    const [before, after] = ['labelled', 'tokens'].map((kind) => ({ tokenizer: {}, options: { kind } })) as unknown as Encoding[];
    if (before === undefined || after === undefined) throw new Error('two encodings');
    await data.encodeWith(before);
    data.encodingNow = () => after;
    void data.open(new File(['x'], 'a.csv'));
    expect((await call('measure')).args).toEqual([after.options]);
  });

  it('is mapped as before when a mapping is refused', async () => {
    const { client, call } = deferredClient<DataApi>({
      open: () => ({ ...dataset('a.csv'), format: 'text', columns: [{ role: 'text' }] }),
    });
    const data = new DataState(client);
    await data.open(new File(['x'], 'a.csv'));
    const refused = data.setRole(0, 'ignore');
    (await call('remap')).reject(new Error('no column left'));
    await refused;
    const next = data.setFormat('text-label');
    const { args, resolve } = await call('remap', 1);
    expect(args[0]).toEqual({ format: 'text-label', roles: ['text'] });
    resolve(dataset('a.csv'));
    await next;
  });
});

describe('the runs', () => {
  const run = (id: string, name = id) => ({ id, name, updatedAt: 0, status: 'paused', checkpoints: [] }) as unknown as RunView;

  it('are listed by the newest request', async () => {
    const { client, call } = deferredClient<TrainApi>();
    const runs = new Runs(client);
    const both = [runs.refresh(), runs.refresh()];
    (await call('runs', 1)).resolve([run('new')]);
    await settled();
    (await call('runs', 0)).resolve([run('old')]);
    await Promise.all(both);
    expect(runs.list.map(({ id }) => id)).toEqual(['new']);
  });

  it('get the last of several names, also when it is the original one', async () => {
    const stored = new Map([['1', 'first']]);
    const { client, call } = deferredClient<TrainApi>({ runs: () => [run('1', stored.get('1'))] });
    const runs = new Runs(client);
    await runs.refresh();
    const renames = [runs.rename('1', 'second'), runs.rename('1', 'first')];
    for (const index of [0, 1]) {
      const { args, resolve } = await call('renameRun', index);
      stored.set('1', String(args[1]));
      resolve(undefined);
    }
    await Promise.all(renames);
    expect(runs.list[0]?.name).toBe('first');
  });

  it('show why a deletion failed, also after the list was read again', async () => {
    const { client, call } = deferredClient<TrainApi>({ runs: () => [run('1')] });
    const runs = new Runs(client);
    const removed = runs.remove('1');
    (await call('deleteRun')).reject(new Error('This run is being trained in another tab.'));
    await removed;
    expect(runs.failure?.message).toMatch(/another tab/);
    await runs.refresh();
    expect(runs.failure?.message).toMatch(/another tab/);
  });

  it('show the one opened last, although the rows of the one before arrive later', async () => {
    const { client, call } = deferredClient<TrainApi>();
    const training = new Training(client, new OtherTab(client));
    const both = [training.open(run('slow')), training.open(run('quick'))];
    const rows = { steps: [], evals: [], samples: [] };
    (await call('history', 1)).resolve(rows);
    await settled();
    (await call('history', 0)).resolve(rows);
    await Promise.all(both);
    expect(training.run?.id).toBe('quick');
    expect(recall('run')).toBe('quick');
  });
});
