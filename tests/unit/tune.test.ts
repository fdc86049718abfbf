/** Choosing tiles by timings, which the tests provide. */

import { expect, test, vi } from 'vitest';
import { lowrank } from '../../kernels/lowrank';
import { matmul } from '../../kernels/matmul';
import type { Target } from '../../kernels/op';
import { candidateTiles, matrixTile, productName, productOf, tileOf, type ProductShape } from '../../kernels/lib/tile';
import { MATRICES } from '../../src/gpu/device';
import { Graph } from '../../src/graph/graph';
import { plan, type Plan } from '../../src/graph/plan';
import { productsOf, tune, type TimeTiles, type Tuning } from '../../src/train/tune';

const target: Target = {
  ...{ software: false, maxBindingBytes: 1 << 27, maxWorkgroupBytes: 16384, subgroupSize: 32, features: new Set<string>() },
};

const wide: ProductShape = { layout: 'nt', type: 'f16', rows: 512, columns: 1536, depth: 576, extension: 16 };
const narrow: ProductShape = { layout: 'nt', type: 'f32', rows: 512, columns: 16, depth: 576, extension: 0 };

/** u = x·Aᵀ, y = x·Wᵀ + u·Bᵀ: `narrow`, then `wide`. */
function layer(): Plan {
  const graph = new Graph();
  const x = graph.declare('x', 'input', [512, 576]);
  const program = graph.program('layer');
  const p = lowrank(program, x, graph.declare('A', 'trainable', [16, 576]), { layout: 'nt', scale: 1 });
  const w = graph.declare('W', 'frozen', [1536, 576], 'f16');
  const adapter = { p, q: graph.declare('B', 'trainable', [1536, 16]), scale: 2 };
  return plan(program, [matmul(program, { a: x, w, adapter })]);
}

const namesOf = (product: ProductShape) => [...candidateTiles(product, target).keys()];

/** Times by tile name; all other tiles take a second. */
const timed = (times: Readonly<Record<string, number>>) =>
  vi.fn<TimeTiles>((_, tiles) => Promise.resolve(tiles.map((tile) => times[tile] ?? 1000)));

const tuning = (time: TimeTiles, rest: Partial<Tuning> = {}): Tuning => ({
  ...{ target, known: {}, time, budgetMs: 500, now: () => 0, ...rest },
});

test('finds the products of a plan, in descending order of arithmetic', () => {
  expect(productsOf([layer()], target)).toEqual([wide, narrow]);
});

test('chooses the fastest tile of each product', async () => {
  const [, second = ''] = namesOf(wide);
  const last = namesOf(narrow).at(-1) ?? '';
  const chosen = await tune([layer()], tuning(timed({ [second]: 1, [last]: 0.5 })));
  expect(chosen).toEqual({ [productName(wide)]: second, [productName(narrow)]: last });
  expect(tileOf(wide, { ...target, tiles: (name) => chosen[name] })).toEqual(candidateTiles(wide, target).get(second));
});

test('keeps the static choice when another tile is not faster by more than noise', async () => {
  const [first = '', second = ''] = namesOf(wide);
  const chosen = await tune([layer()], tuning(timed({ [first]: 1, [second]: 0.98 })));
  expect(chosen[productName(wide)]).toBe(first);
});

test('does not time products with a stored winner, unless that tile no longer exists', async () => {
  const [, second = '', third = ''] = namesOf(wide);
  const time = timed({ [third]: 1 });
  const known = { [productName(wide)]: second, [productName(narrow)]: 'tiled 7x7x7 1x1', 'no product': second };
  const chosen = await tune([layer()], tuning(time, { known }));
  expect(time.mock.calls.map(([product]) => product)).toEqual([narrow]);
  expect(chosen[productName(wide)]).toBe(second);
  expect(namesOf(narrow)).toContain(chosen[productName(narrow)]);
  expect(Object.keys(chosen)).toHaveLength(2);
});

test('starts no timing after the budget: remaining products keep the static choice, as do those that cannot run', async () => {
  let clock = 0;
  const slow: TimeTiles = (_, tiles) => {
    clock += 600;
    return Promise.resolve(tiles.map((_, i) => 10 - i));
  };
  const [wideNames, narrowNames] = [namesOf(wide), namesOf(narrow)];
  const chosen = await tune([layer()], tuning(slow, { now: () => clock }));
  expect(chosen).toEqual({ [productName(wide)]: wideNames.at(-1), [productName(narrow)]: narrowNames[0] });
  const failing: TimeTiles = (_, tiles) => Promise.resolve(tiles.map(() => Infinity));
  expect(await tune([layer()], tuning(failing))).toEqual({
    [productName(wide)]: wideNames[0],
    [productName(narrow)]: narrowNames[0],
  });
});

test('an unknown tile name falls back to the static choice', () => {
  const confused: Target = { ...target, tiles: () => 'tiled 7x7x7 1x1' };
  expect(tileOf(wide, confused)).toEqual(tileOf(wide, target));
});

test('names of products can be parsed; sizes over the largest share one name', () => {
  for (const product of [wide, narrow]) expect(productOf(productName(product))).toEqual(product);
  const huge = (columns: number) => productName({ ...wide, columns });
  expect(huge(128_256)).toBe(huge(151_936));
  expect(huge(128_257)).not.toBe(huge(128_256));
  expect(productOf('elephant')).toBeNull();
});

test.each([1, 16, 200, 2048])('every candidate for %i rows is within the default limits', (rows) => {
  for (const columns of [8, 576, 8192])
    for (const layout of ['nt', 'nn'] as const)
      for (const [name, { constants, workgroups }] of candidateTiles({ ...wide, layout, rows, columns }, target)) {
        const { BM = 0, BN = 0, X = 1, Y = 1, LANES = 1, TM = 1, TN = 1 } = constants as Readonly<Record<string, number>>;
        expect(BM > 0 ? (BM / TM) * (BN / TN) : X * Y * LANES, name).toBeLessThanOrEqual(256);
        for (const count of workgroups) expect(count, name).toBeLessThanOrEqual(65535);
      }
});

test.each([
  [{ M: 8, N: 8, K: 8, lanes: 32 }, 4],
  [{ M: 16, N: 16, K: 16, lanes: 32 }, 4],
  [{ M: 8, N: 16, K: 16, lanes: 32 }, 4],
  [{ M: 16, N: 16, K: 16, lanes: 64 }, 3],
  [{ M: 16, N: 16, K: 64, lanes: 32 }, 0],
])('subgroup matrices of %j give %i tiles of halves, and none of other activations', (matrices, count) => {
  const device = { ...target, maxWorkgroupBytes: 32768, matrices, features: new Set([MATRICES]) };
  const halves = { ...wide, f16Activations: true };
  const tiles = [...candidateTiles(halves, device)].filter(([, { entry }]) => entry === 'matrix');
  expect(tiles).toHaveLength(count);
  expect(matrixTile(productName(halves), device)).toBe(tiles[0]?.[0]);
  for (const [, { constants }] of tiles)
    expect(Number(constants['LANES']) * Number(constants['GROUPS'])).toBeLessThanOrEqual(256);
  expect(matrixTile(productName(wide), device)).toBeUndefined();
  expect(matrixTile(productName(halves), { ...device, features: new Set() })).toBeUndefined();
  expect(productOf(productName(halves))).toEqual(halves);
});
