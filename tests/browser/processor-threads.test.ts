/** Helper threads of the processor that end during a run: the run goes on, and ends with the bytes of an undisturbed one. */

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ThreadStart } from '../../src/graph/processor';
import { closeServices, Events, openTiny, tinyRecipe, type TinyService } from '../tiny-service';
import type { DyingStart } from './dying-thread.worker';

vi.setConfig({ testTimeout: 300_000 });

const recipe = tinyRecipe({ maxSteps: 8, saveEvery: 2, sampleEvery: 8, evalEvery: 8 });
/** The helper threads since the test began. */
let helpers: Worker[] = [];
/** Set to 1: helpers that were made by `dyingHelpers` die in their next unit. */
const flag = new Int32Array(new SharedArrayBuffer(4));

beforeEach(() => {
  helpers = [];
  flag[0] = 0;
});
afterEach(async () => {
  vi.unstubAllGlobals();
  await closeServices();
});

const Original = Worker;

/** Replaces the constructor of workers; `make` makes those that are helper threads. */
function onHelper(make: (create: () => Worker) => Worker): void {
  vi.stubGlobal('Worker', function (url: URL, options?: WorkerOptions) {
    const create = () => new Original(url, options);
    if (!url.href.includes('kernel-thread')) return create();
    const helper = make(create);
    helpers.push(helper);
    return helper;
  });
}

function dyingHelper(): Worker {
  const worker = new Original(new URL('./dying-thread.worker.ts', import.meta.url), { type: 'module' });
  const post = worker.postMessage.bind(worker);
  worker.postMessage = (start: ThreadStart) => post({ ...start, flag } satisfies DyingStart);
  return worker;
}

async function adapterOf({ service }: TinyService, runId: string): Promise<readonly number[]> {
  const files = await service.exportRun(runId, null, 'peft');
  const weights = files.find(({ name }) => name.endsWith('.safetensors'));
  return [...new Uint8Array((await weights?.blob.arrayBuffer()) ?? [])];
}

/** The adapter of a run during which `disturb` is called after step 5, and the run's notices. */
async function train(disturb: () => void) {
  const tiny = await openTiny('wasm');
  const events = new Events().when('step', ({ step }) => step === 5 && disturb());
  const run = await tiny.service.start(await tiny.setup(recipe), events.receive);
  expect(run.status).toBe('finished');
  return { adapter: await adapterOf(tiny, run.id), notices: events.of('notice'), events };
}

test('one that the browser ends between two plans is not missed: the other threads do its work', async () => {
  onHelper((create) => create());
  const whole = await train(() => undefined);
  expect(helpers.length).toBeGreaterThan(0);
  const { adapter, notices } = await train(() => {
    for (const helper of helpers) helper.terminate();
  });
  expect(notices).toEqual([]);
  expect(adapter).toEqual(whole.adapter);
});

test('one that dies in a unit of work is said in one sentence, and the run goes on from its newest checkpoint', async () => {
  const whole = await train(() => undefined);
  onHelper(dyingHelper);
  const { adapter, notices, events } = await train(() => {
    flag[0] = 1;
    // The threads that are started next live.
    onHelper((create) => create());
  });
  expect(notices.map(({ message }) => message)).toEqual([
    'The browser ended a thread that computes. The threads are started again, and the run continues from its newest checkpoint.',
  ]);
  expect(new Set(events.of('step').map(({ step }) => step))).toEqual(new Set([1, 2, 3, 4, 5, 6, 7, 8]));
  expect(adapter).toEqual(whole.adapter);
});
