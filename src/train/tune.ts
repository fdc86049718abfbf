/**
 * Chooses the tile of every matrix product of a run by timing candidates on the device; the winners are stored. The tile determines the
 * order of summation, so a run keeps its tiles: a resumed run uses those of its record, not newer winners.
 */

import type { RunStore } from '../checkpoint/types';
import type { Device, Target } from '../gpu/device';
import { timeTiles } from '../graph/measure';
import { launchNode } from '../graph/node';
import type { Plan } from '../graph/plan';
import { candidateTiles, productName, productOf, type ProductShape } from '../../kernels/lib/tile';

/** Tile names by product name; see kernels/lib/tile.ts. */
export type Tiles = Readonly<Record<string, string>>;

/** The fastest tiles for the products of some plans. */
export type Tuner = (plans: readonly Plan[]) => Promise<Tiles>;

/** Milliseconds of a product with each of `tiles`; infinite for a tile that cannot run. */
export type TimeTiles = (product: ProductShape, tiles: readonly string[]) => Promise<readonly number[]>;

export interface Tuning {
  readonly target: Target;
  /** Winners of earlier tunings on this device. Entries for unknown products or tiles are ignored. */
  readonly known: Tiles;
  readonly time: TimeTiles;
  /** No timing starts after this long. The remaining products keep the static choice permanently, so that later runs give the same bytes. */
  readonly budgetMs: number;
  readonly now: () => number;
}

/** A tile replaces the static choice when its time is below this fraction; smaller differences are noise. */
const WORTH = 0.97;

const BUDGET_MS = 1000;

/** Identifies the device and its driver, for which the winners are valid. */
export function deviceKey({ info, name }: Device): string {
  return [name, info.vendor, info.architecture, info.device, info.description, navigator.userAgent].join(' | ');
}

/** The tiles of a new run: stored winners of this device, and for new products those found within `BUDGET_MS`. */
export async function tuneRun(device: Device, plans: readonly Plan[], store: RunStore): Promise<Tiles> {
  const key = deviceKey(device);
  const time: TimeTiles = (product, tiles) => timeTiles(device, product, tiles);
  const known = await store.tiles(key);
  const tiles = await tune(plans, { target: device.target, known, time, budgetMs: BUDGET_MS, now: () => performance.now() });
  await store.addTiles(key, tiles);
  return tiles;
}

/** The tile of each product of `plans`; products with most arithmetic are timed first. */
export async function tune(plans: readonly Plan[], { target, known, time, budgetMs, now }: Tuning): Promise<Tiles> {
  const chosen: Record<string, string> = {};
  const end = now() + budgetMs;
  for (const product of productsOf(plans, target)) {
    const name = productName(product);
    const [first = '', ...others] = candidateTiles(product, target).keys();
    const names = [first, ...others];
    const before = known[name];
    if (before !== undefined && names.includes(before)) chosen[name] = before;
    else chosen[name] = now() < end ? fastest(names, await time(product, names)) : first;
  }
  return chosen;
}

/** The first name (the static choice) unless another is clearly faster. */
function fastest(names: readonly string[], times: readonly number[]): string {
  const [first = Infinity] = times;
  const least = Math.min(...times);
  return names[first * WORTH <= least ? 0 : times.indexOf(least)] ?? '';
}

/** Every product that `plans` launch, in descending order of total arithmetic. */
export function productsOf(plans: readonly Plan[], target: Target): readonly ProductShape[] {
  const work = new Map<string, number>();
  const recording: Target = {
    ...target,
    tiles: (name) => {
      const product = productOf(name);
      if (product !== null) work.set(name, (work.get(name) ?? 0) + flops(product));
      return undefined;
    },
  };
  for (const { nodes } of plans) for (const node of nodes) launchNode(node, recording);
  const names = [...work].sort(([, a], [, b]) => b - a).map(([name]) => name);
  return names.flatMap((name) => productOf(name) ?? []);
}

function flops({ rows, columns, depth, extension }: ProductShape): number {
  return 2 * rows * columns * (depth + extension);
}
