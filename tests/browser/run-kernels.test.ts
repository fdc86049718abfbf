/** A driver that passes the start-up check, and then refuses a kernel of the run: the run continues with tfjs's kernels. */

import { afterEach, expect, test, vi } from 'vitest';
import { closeServices, Events, onRequestDevice, openTiny, tinyRecipe } from '../tiny-service';

vi.setConfig({ testTimeout: 600_000 });
afterEach(closeServices);

const recipe = tinyRecipe({ maxSteps: 2, evalEvery: 2, saveEvery: 2, sampleEvery: 100, heldOutRatio: 0 });

/** Collects the devices that are requested; `refuseLoss` makes their drivers refuse the kernel of the loss. */
function catchDevices(): { refuseLoss(): void } {
  const devices: GPUDevice[] = [];
  onRequestDevice((device) => devices.push(device));
  return { refuseLoss: () => devices.forEach(refuseLoss) };
}

function refuseLoss(device: GPUDevice): void {
  const compile = device.createComputePipelineAsync.bind(device);
  device.createComputePipelineAsync = (descriptor) =>
    descriptor.label?.startsWith('crossentropy') ? Promise.reject(new Error('no registers left')) : compile(descriptor);
}

test('the run continues on the same GPU, and its record and a notice say so', async () => {
  const devices = catchDevices();
  const { service, setup } = await openTiny('auto', 1, { software: true });
  const events = new Events();
  devices.refuseLoss();
  const run = await service.start(await setup(recipe), events.receive);
  expect(run).toMatchObject({ status: 'finished', step: 2, executor: 'tfjs-webgpu' });
  expect(await service.runs()).toMatchObject([{ id: run.id, executor: 'tfjs-webgpu' }]);
  const notices = events.of('notice');
  expect(notices).toMatchObject([{ code: 'gpu/shader' }]);
  expect(notices[0]?.message).toMatch(
    /refused the kernel crossentropy.*continues with the kernels of TensorFlow\.js's WebGPU backend/s,
  );
  const losses = events.of('step').map(({ loss }) => loss);
  expect(losses.every(Number.isFinite)).toBe(true);
  expect(losses).toHaveLength(2);
});

test('kernels that were chosen explicitly are not replaced', async () => {
  const devices = catchDevices();
  const { service, setup } = await openTiny('webgpu');
  devices.refuseLoss();
  await expect(service.start(await setup(recipe), () => undefined)).rejects.toMatchObject({ code: 'gpu/shader' });
});
