/** A driver on which our kernels fail (injected results): tfjs's kernels train instead, and the page says why. */

import { mount, unmount } from 'svelte';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { page } from 'vitest/browser';
import { trainClient } from '../../src/client';
import { TRIALS } from '../../src/graph/trials';
import { deviceOptions } from '../../src/state/backend';
import { device } from '../../src/state/device.svelte';
import { openEngine } from '../../src/train/engine';
import ModelStage from '../../src/ui/model/ModelStage.svelte';
import { loadGolden } from '../parity/golden';
import { judge } from '../parity/judge';
import { limitsOf } from '../parity/tolerance';
import { trainCase } from '../parity/train-case';

vi.setConfig({ testTimeout: 300_000 });
let stage: Record<string, unknown>;
const failing = deviceOptions('?gate=fail:base&software=on');
const names = TRIALS.map(({ name }) => name).join(', ');
const reason = `Our kernels failed on this driver: ${names}. Training uses TensorFlow.js's WebGPU backend, slower.`;

beforeAll(() => {
  stage = mount(ModelStage, { target: document.body });
});
afterAll(() => {
  void unmount(stage);
  trainClient.kill();
});

it("the page says that our kernels failed, and that tfjs's are used", async () => {
  await device.open('auto', failing);
  expect(device.view).toMatchObject({ executor: 'tfjs-webgpu', reason, features: [] });
  await expect.element(page.getByText(reason)).toBeVisible();
  await expect.element(page.getByText(/through WebGPU/)).toBeVisible();
});

it("training with tfjs's kernels agrees with PyTorch", async () => {
  const engine = await openEngine('auto', failing);
  expect(engine.view.executor).toBe('tfjs-webgpu');
  const golden = await loadGolden('/tests/golden/qwen3');
  const deviations = await trainCase(golden, (graph) => Promise.resolve(engine.executor(graph)));
  const { status, text } = judge({ deviations, limits: limitsOf(golden.case.f64_deviation) }, 'passes');
  expect(status, text).toBe('ok');
});

it('an explicit choice of our kernels throws what failed', async () => {
  await expect(openEngine('webgpu', failing)).rejects.toMatchObject({
    code: 'gpu/shader',
    message: expect.stringContaining(`Our kernels failed on this driver: ${names}.`) as string,
  });
});

it("tfjs's kernels can be chosen", async () => {
  device.view = null;
  await device.open('tfjs-webgpu');
  expect(device.view).toMatchObject({ executor: 'tfjs-webgpu' });
  await expect.element(page.getByText("TensorFlow.js's WebGPU backend was chosen.")).toBeVisible();
});

it("the loss of the device is reported with tfjs's kernels too", async () => {
  const engine = await openEngine('tfjs-webgpu');
  expect(engine.loss.error).toBeNull();
  engine.device?.gpu.destroy();
  await expect.poll(() => engine.loss.error?.code).toBe('gpu/lost');
});
