/** Products with subgroup matrices, against the twin over the same f16 activations. Needs a device that has them: lavapipe of Mesa 26, many GPUs. */

import { beforeAll, describe, expect, test } from 'vitest';
import { MATRICES } from '../../src/gpu/device';
import { candidateTiles, type ProductShape } from '../../kernels/lib/tile';
import { matmulOp } from '../../kernels/matmul';
import { tileCase } from './cases/tiles';
import { checkForward, testDevice, useCpu } from './harness';

/** The kernel rounds weights and adapter to f16, the twin does not: each factor is off by up to 2⁻¹². */
const TOLERANCE = 2 ** -10;

const { target } = await testDevice();

/** Whole and partial tiles, all weight types, adapters of rank below and above a depth step, sizes that are no multiple of four. */
const products: readonly ProductShape[] = [
  { layout: 'nt', type: 'f32', rows: 64, columns: 64, depth: 64, extension: 0 },
  { layout: 'nn', type: 'f16', rows: 64, columns: 64, depth: 64, extension: 0 },
  { layout: 'nt', type: 'f16', rows: 130, columns: 100, depth: 96, extension: 16 },
  { layout: 'nn', type: 'f32', rows: 130, columns: 100, depth: 96, extension: 16 },
  { layout: 'nt', type: 'q4', rows: 70, columns: 132, depth: 100, extension: 4 },
  { layout: 'nn', type: 'q8', rows: 70, columns: 132, depth: 100, extension: 8 },
  { layout: 'nt', type: 'f16', rows: 33, columns: 51, depth: 72, extension: 3 },
  { layout: 'nn', type: 'q4', rows: 128, columns: 192, depth: 576, extension: 16 },
  { layout: 'nt', type: 'f16', rows: 200, columns: 576, depth: 192, extension: 64 },
];

const tilesOf = (product: ProductShape) =>
  [...candidateTiles(product, { ...target, software: false })].flatMap(([name, { entry }]) => (entry === 'matrix' ? [name] : []));

/** Every other tile of each product, because a software device compiles each for seconds. */
const cases = products.flatMap((shape, i) => {
  const product = { ...shape, f16Activations: true };
  const tiles = tilesOf(product).filter((_, k) => k % 2 === i % 2);
  return tiles.map((tile) => ({ ...tileCase(product, tile), f16: true }));
});

describe('products with subgroup matrices', () => {
  beforeAll(useCpu);

  test('are candidates only where the device has them and activations are f16', () => {
    expect(cases.length > products.length).toBe(target.features.has(MATRICES));
    expect(products.flatMap(tilesOf)).toEqual([]);
  });

  if (cases.length === 0) return;
  test.each(cases)('$name: kernel equals twin', async (example) => {
    for (const off of await checkForward(matmulOp, example)) expect(off).toBeLessThanOrEqual(TOLERANCE);
  });
});
