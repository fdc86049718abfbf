/**
 * The tile of every matrix product of a run, timed on the device once and remembered. Which tile is taken decides in what order
 * sums are made, so a run keeps its tiles: a run that is resumed takes those of its record, not newer winners.
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

/** Milliseconds of a product under each of `tiles`; infinite for one that can't run. */
export type TimeTiles = (product: ProductShape, tiles: readonly string[]) => Promise<readonly number[]>;

export interface Tuning {
  readonly target: Target;
  /** Winners of earlier tunings on this device. Entries that name no product or candidate of today are passed over. */
  readonly known: Tiles;
  readonly time: TimeTiles;
  /** No product is begun after this long; those left keep the static choice, for good, so that the next run gives the same bytes. */
  readonly budgetMs: number;
  readonly now: () => number;
}

/** A faster tile must save this much, or noise would choose. */
const WORTH = 0.97;

const BUDGET_MS = 1000;

/** Names the device and its driver, for which winners hold. */
export function deviceKey({ info, name }: Device): string {
  return [name, info.vendor, info.architecture, info.device, info.description, navigator.userAgent].join(' | ');
}

/** The tiles for a new run: winners of earlier runs on this device, and for products that are new those found in a second. */
export async function tuneRun(device: Device, plans: readonly Plan[], store: RunStore): Promise<Tiles> {
  const key = deviceKey(device);
  const time: TimeTiles = (product, tiles) => timeTiles(device, product, tiles);
  const known = await store.tiles(key);
  const tiles = await tune(plans, { target: device.target, known, time, budgetMs: BUDGET_MS, now: () => performance.now() });
  await store.addTiles(key, tiles);
  return tiles;
}

/** The tile of each product of `plans`, the heaviest first. */
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

/** The first name unless another is clearly faster. */
function fastest(names: readonly string[], times: readonly number[]): string {
  const [first = Infinity] = times;
  const least = Math.min(...times);
  return names[first * WORTH <= least ? 0 : times.indexOf(least)] ?? '';
}

/** Every product that `plans` launch, the one with most arithmetic in all first. */
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
