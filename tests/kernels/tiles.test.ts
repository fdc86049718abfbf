/** Every tile that the tuner may choose equals the twin; the timer returns a time for each tile. */

import { expect, test } from 'vitest';
import { candidateTiles, type ProductShape } from '../../kernels/lib/tile';
import { timeTiles } from '../../src/graph/measure';
import { testDevice } from './harness';
import { testShard } from './suite';

testShard('tiles');

test('times every tile of a product, and reports infinity for a product that exceeds the buffers of the device', async () => {
  const device = await testDevice();
  const product: ProductShape = { layout: 'nt', type: 'f16', rows: 64, columns: 64, depth: 64, extension: 4 };
  const names = [...candidateTiles(product, device.target).keys()].slice(0, 2);
  const times = await timeTiles(device, product, names);
  expect(times).toHaveLength(2);
  const none = await timeTiles(device, { ...product, rows: 1 << 18, columns: 1 << 18 }, names);
  expect(none).toEqual([Infinity, Infinity]);
  for (const ms of times) expect(ms).toSatisfy((value: number) => value > 0 && Number.isFinite(value));
});
