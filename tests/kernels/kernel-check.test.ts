/** The start-up check of our kernels: a device that computes right passes it, and a kernel that fails is named. */

import { beforeAll, expect, test } from 'vitest';
import type { Device } from '../../src/gpu/device';
import { failingTrials } from '../../src/graph/kernel-check';
import { WebGpuExecutor } from '../../src/graph/run-webgpu';
import { testDevice } from './harness';
import { BASE, REAL } from './targets';

let device: Device;
beforeAll(async () => {
  device = await testDevice();
});

const on = (changes: Partial<Device['target']>) => {
  const other = { ...device, target: { ...device.target, ...changes } };
  return () => new WebGpuExecutor(other, { poison: true });
};

test.each([
  ['the base variants', BASE],
  ['the base variants as on a real GPU', { ...BASE, ...REAL }],
  ['the variants of this device', {}],
])('%s pass', async (_, changes) => {
  const started = performance.now();
  expect(await failingTrials(on(changes))).toEqual([]);
  console.info(`${Math.round(performance.now() - started)} ms`);
});

test('a kernel that the driver refuses fails its own trials', async () => {
  const pipelines: Pick<Device['pipelines'], 'get'> = {
    get: (kernel) =>
      kernel.shader.label.startsWith('rmsnorm') ? Promise.reject(new Error('refused')) : device.pipelines.get(kernel),
  };
  const refusing: Device = { ...device, pipelines: pipelines as Device['pipelines'] };
  expect(await failingTrials(() => new WebGpuExecutor(refusing))).toEqual(['rmsnorm']);
});
