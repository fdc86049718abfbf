/** The gates of optional features: a feature that computes correct results stays, any other is removed from the target. */

import { beforeAll, expect, test } from 'vitest';
import { MATRICES, type Device } from '../../src/gpu/device';
import { passGates, type Tamper } from '../../src/graph/gates';
import { testDevice } from './harness';

const GATED = ['subgroups', 'shader-f16', MATRICES];
let device: Device;
let offered: readonly string[];

beforeAll(async () => {
  device = await testDevice();
  offered = GATED.filter((feature) => device.target.features.has(feature));
});

/** Changes the last number of each result of `feature`. */
const corrupting =
  (feature: string, change: (value: number) => number): Tamper =>
  (of, result) =>
    of === feature ? result.map((value, i) => (i === result.length - 1 ? change(value) : value)) : result;

test('the test device has a gated feature and computes it correctly', async () => {
  expect(offered).toContain('subgroups');
  const started = performance.now();
  const { device: gated, failed } = await passGates(device);
  console.info(`gates of ${offered.join(', ')}: ${Math.round(performance.now() - started)} ms`);
  expect(failed).toEqual([]);
  expect(gated.target).toEqual(device.target);
});

test.each([
  ['slightly wrong', (value: number) => 1.001 * value + 1e-4],
  ['not a number', () => NaN],
  ['zero', () => 0],
])('a result that is %s removes its feature and no other', async (_, change) => {
  for (const feature of offered) {
    const { device: gated, failed } = await passGates(device, corrupting(feature, change));
    expect(failed).toEqual([feature]);
    expect([...gated.target.features].sort()).toEqual([...device.target.features].filter((name) => name !== feature).sort());
    expect(device.target.features.has(feature)).toBe(true);
  }
});

test('a feature with which a kernel does not compile is removed', async () => {
  const claimed = { ...device, target: { ...device.target, features: new Set([...device.target.features, 'shader-f16']) } };
  const { failed } = await passGates(claimed);
  expect(failed).toEqual(offered.includes('shader-f16') ? [] : ['shader-f16']);
});
