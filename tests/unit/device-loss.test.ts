/** What work on a lost GPU device rejects with, and when. */

import { beforeEach, expect, test, vi } from 'vitest';
import { CodedError } from '../../src/core/errors';
import { DeviceLoss, gpuLoss } from '../../src/train/loss';

const info: GPUDeviceLostInfo = { __brand: 'GPUDeviceLostInfo', reason: 'unknown', message: 'the driver was reset' };

/** A promise that the test settles. */
function deferred<T>() {
  const settle: { resolve: (value: T) => void; reject: (error: Error) => void } = { resolve: noop, reject: noop };
  const promise = new Promise<T>((resolve, reject) => Object.assign(settle, { resolve, reject }));
  return { promise, resolve: (value: T) => settle.resolve(value), reject: (error: Error) => settle.reject(error) };
}

function noop(): void {
  return undefined;
}

function lossy() {
  const { promise, resolve } = deferred<GPUDeviceLostInfo>();
  return { loss: new DeviceLoss(gpuLoss({ lost: promise } as GPUDevice)), lose: () => resolve(info) };
}

beforeEach(() => {
  vi.useFakeTimers();
  return () => vi.useRealTimers();
});

test('work that succeeds or fails without a loss is passed through', async () => {
  const { loss } = lossy();
  expect(await loss.guard(Promise.resolve(3))).toBe(3);
  const failed = expect(loss.guard(Promise.reject(new CodedError('train/diverged', 'no')))).rejects.toThrow('no');
  await vi.advanceTimersByTimeAsync(1000);
  await failed;
  expect(loss.error).toBeNull();
});

test.each([new Error('mapAsync failed'), new CodedError('gpu/shader', 'The GPU driver refused the kernel.')])(
  '%o is explained by a loss that is reported shortly after',
  async (error) => {
    const { loss, lose } = lossy();
    const failed = expect(loss.guard(Promise.reject(error))).rejects.toMatchObject({
      code: 'gpu/lost',
      message: expect.stringContaining('(unknown: the driver was reset)') as string,
    });
    await vi.advanceTimersByTimeAsync(100);
    lose();
    await failed;
  },
);

test('work that is still going on at the loss is waited for', async () => {
  const { loss, lose } = lossy();
  const { promise, reject } = deferred<number>();
  let ended = false;
  const guarded = loss.guard(promise).catch((error: unknown) => {
    ended = true;
    return error;
  });
  lose();
  await vi.advanceTimersByTimeAsync(1000);
  expect(ended).toBe(false);
  reject(new Error('mapAsync failed'));
  expect(await guarded).toMatchObject({ code: 'gpu/lost' });
});

test('work that never settles on a lost device is given up', async () => {
  const { loss, lose } = lossy();
  const guarded = expect(loss.guard(new Promise(() => undefined))).rejects.toMatchObject({ code: 'gpu/lost' });
  lose();
  await vi.advanceTimersByTimeAsync(10_000);
  await guarded;
});

test('work that ended before the loss keeps its result', async () => {
  const { loss, lose } = lossy();
  const { promise, resolve } = deferred<number>();
  const guarded = loss.guard(promise);
  lose();
  await vi.advanceTimersByTimeAsync(10);
  resolve(4);
  expect(await guarded).toBe(4);
});

test('on the processor an error is thrown at once', async () => {
  await expect(new DeviceLoss(null).guard(Promise.reject(new Error('a bug')))).rejects.toThrow('a bug');
});
