/** The queue of the training worker's jobs: what waits, what is refused, how jobs end. */

import { expect, test } from 'vitest';
import { Jobs, stopReason, type JobKind } from '../../src/train/jobs';

/** A job that goes on until `finish` is called. */
function begun(jobs: Jobs, kind: JobKind, id = '') {
  let finish: () => void = () => undefined;
  let isWorking = false;
  const work = () => {
    isWorking = true;
    return new Promise<void>((resolve) => (finish = resolve));
  };
  const ended = jobs.run(kind, id, work);
  return { ended, isWorking: () => isWorking, finish: () => finish() };
}

const settled = () => new Promise((resolve) => setTimeout(resolve));

test.each([
  ['device', 'pause it before you change the device'],
  ['load', 'pause it before you change the model'],
  ['run', 'pause or stop it first'],
  ['warm-up', 'it compiles its own kernels'],
  ['measure', 'pause or stop it before you measure'],
] as const)('%s is refused from the call that starts a run until the run ended', async (kind, message) => {
  const jobs = new Jobs();
  const run = begun(jobs, 'run', 'a');
  const refused = jobs.run(kind, 'b', () => undefined);
  await expect(refused).rejects.toMatchObject({ code: 'train/state' });
  await expect(refused).rejects.toThrow(message);
  await settled();
  run.finish();
  await run.ended;
  await expect(jobs.run(kind, 'b', () => 'done')).resolves.toBe('done');
});

test('a run refuses its own deletion, not that of another run', async () => {
  const jobs = new Jobs();
  const run = begun(jobs, 'run', 'a');
  await expect(jobs.run('delete', 'a', () => undefined)).rejects.toThrow('stop it before you delete it');
  await expect(jobs.run('delete', 'b', () => 'deleted')).resolves.toBe('deleted');
  run.finish();
});

test('a run asks measurements to end, and nothing else', async () => {
  const jobs = new Jobs();
  const reasons = (['measure', 'answer'] as const).map((kind) =>
    jobs.run(kind, '', async ({ signal }) => {
      await settled();
      return stopReason(signal);
    }),
  );
  await jobs.run('run', 'a', () => undefined);
  expect(await Promise.all(reasons)).toEqual(['stop', null]);
});

test('answers, kernels that are timed and whoever needs the model go on beside a run', async () => {
  const jobs = new Jobs();
  begun(jobs, 'run', 'a');
  for (const kind of ['answer', 'tune', 'model'] as const) await expect(jobs.run(kind, '', () => kind)).resolves.toBe(kind);
});

test('changes of device and model wait for one another in the order of the calls, also after one that failed', async () => {
  const jobs = new Jobs();
  const order: string[] = [];
  const failed = jobs.run('device', '', async () => {
    await settled();
    order.push('device');
    throw new Error('no device');
  });
  const load = jobs.run('load', '', async () => {
    await settled();
    order.push('load');
  });
  const model = jobs.run('model', '', () => order.push('model'));
  await expect(failed).rejects.toThrow('no device');
  await Promise.all([load, model]);
  expect(order).toEqual(['device', 'load', 'model']);
});

test('a run does not wait for a model that is being loaded', async () => {
  const jobs = new Jobs();
  begun(jobs, 'load');
  const run = begun(jobs, 'run');
  await settled();
  expect(run.isWorking()).toBe(true);
});

test('a request to end reaches all jobs of the kind, and the first one counts', async () => {
  const jobs = new Jobs();
  const reasons: unknown[] = [];
  const work = async ({ signal }: { signal: AbortSignal }) => {
    reasons.push(stopReason(signal));
    await settled();
    reasons.push(stopReason(signal));
  };
  const all = [jobs.run('answer', '', work), jobs.run('answer', '', work), jobs.run('tune', '', work)];
  await Promise.resolve();
  jobs.end('answer', 'pause');
  jobs.end('answer', 'drop');
  await Promise.all(all);
  expect(reasons).toEqual([null, null, null, 'pause', 'pause', null]);
});

test('an ended job gives back what it declared, the last first, and before its promise settles', async () => {
  const jobs = new Jobs();
  const released: string[] = [];
  const failing = jobs.run('run', 'a', (job) => {
    job.onEnd(() => released.push('first'));
    job.onEnd(() => released.push('second'));
    throw new Error('a failure');
  });
  await expect(failing).rejects.toThrow('a failure');
  expect(released).toEqual(['second', 'first']);
  expect(jobs.find('run')).toBeUndefined();
});

test('a job that an answer starts at once comes before a change that is called after the answer', async () => {
  const jobs = new Jobs();
  const order: string[] = [];
  const answer = jobs.run('answer', '', () => jobs.run('model', '', () => order.push('model')));
  const load = jobs.run('load', '', () => order.push('load'));
  await Promise.all([answer, load]);
  expect(order).toEqual(['model', 'load']);
});
