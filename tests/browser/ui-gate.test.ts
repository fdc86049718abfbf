/** A driver that computes subgroups wrongly (an injected result): the feature is off, the page says so, and training is still correct. */

import { mount, unmount } from 'svelte';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { page } from 'vitest/browser';
import { trainClient } from '../../src/client';
import { openRunStore } from '../../src/checkpoint/store';
import { openDevice } from '../../src/gpu/device';
import { passGates } from '../../src/graph/gates';
import { WebGpuExecutor } from '../../src/graph/run-webgpu';
import { deviceOptions } from '../../src/state/backend';
import { device } from '../../src/state/device.svelte';
import ModelStage from '../../src/ui/model/ModelStage.svelte';
import { deviceKey } from '../../src/train/tune';
import { loadGolden } from '../parity/golden';
import { trainCase } from '../parity/train-case';

vi.setConfig({ testTimeout: 300_000 });
let stage: Record<string, unknown>;
const featuresNow = () => device.view?.features;
const note = page.getByText('Subgroups are switched off: this driver computes them wrongly.');

beforeAll(() => {
  stage = mount(ModelStage, { target: document.body });
});
afterAll(() => {
  void unmount(stage);
  trainClient.kill();
});

it('lists the features in use and the fastest tiles in the details', async () => {
  const [store, gpu] = await Promise.all([openRunStore(), openDevice(navigator.gpu)]);
  await store.addTiles(deviceKey(gpu), { 'nt f32 64x48x32+4': 'direct 8x8x1 4x4' });
  await device.open('webgpu');
  await page.getByText('Device details').click();
  await expect.element(page.getByText(/Features in use: .*subgroups/)).toBeVisible();
  await expect.element(page.getByRole('listitem').filter({ hasText: 'nt f32 64x48x32+4' })).toHaveTextContent('direct 8x8x1 4x4');
  await store.close();
  gpu.gpu.destroy();
});

it('shows no note when the gate is passed', async () => {
  await device.open('webgpu');
  expect(featuresNow()).toContain('subgroups');
  expect(device.view?.notes).toEqual([]);
  await expect.element(note).not.toBeInTheDocument();
});

it('shows a note when the gate fails, also after the worker was replaced', async () => {
  device.view = null;
  await device.open('webgpu', deviceOptions('?gate=fail:subgroups'));
  expect(featuresNow()).not.toContain('subgroups');
  await expect.element(note).toBeVisible();
  trainClient.kill();
  await expect.poll(() => device.view?.notes, { timeout: 60_000 }).toHaveLength(1);
  await expect.element(note).toBeVisible();
});

it('training without the feature still agrees with PyTorch', async () => {
  const { device: gated, failed } = await passGates(await openDevice(navigator.gpu), (_, result) => result.map(() => NaN));
  expect(failed).toContain('subgroups');
  const deviations = await trainCase(await loadGolden('/tests/golden/llama_gqa'), () =>
    Promise.resolve(new WebGpuExecutor(gated, { poison: true })),
  );
  for (const [figure, off] of Object.entries(deviations)) expect(off, figure).toBeLessThan(1e-4);
});

it('reads the options of the address', () => {
  const asked = deviceOptions('?gate=fail:subgroups,shader-f16&backend=webgpu');
  expect(asked).toEqual({ faulty: ['subgroups', 'shader-f16'], tune: false, software: false });
  expect(deviceOptions('?gate=subgroups&tune=on')).toEqual({ faulty: [], tune: true, software: false });
  expect(deviceOptions('')).toEqual({ faulty: [], tune: false, software: false });
});
