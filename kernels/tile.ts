/** Tile shapes of the matrix product, by problem and device. */

import type { Constants } from '../src/gpu/shader';
import type { Target } from './op';

/** How a product is cut: entry point, a thread's share of y, the step along the depth, and the grid (columns, rows). */
export interface Tile {
  readonly entry: 'direct' | 'tiled';
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly constants: Constants;
  readonly workgroups: readonly [number, number];
  /** Parts of the depth to work on side by side and sum afterwards. */
  readonly spans: number;
}

/** Workgroups that keep a large GPU busy. */
const BUSY = 128;
/** A shorter part of the depth costs more to sum than it gains. */
const SHORTEST_SPAN = 256;

/** The tile for y [rows, columns] of a product `depth` deep. */
export function chooseTile(rows: number, columns: number, depth: number, target: Target): Tile {
  if (target.software) return cpuTile(rows, columns);
  if ((rows <= 16 || columns <= 32) && depth >= 128) return splitTile(rows, columns);
  const groups = (m: number, n: number) => Math.ceil(rows / m) * Math.ceil(columns / n);
  if (groups(128, 128) >= BUSY) return tiledTile(rows, columns, { m: 128, n: 128, k: 8, rows: 8, columns: 8 });
  const medium = { m: 64, n: 64, k: 16, rows: 4, columns: 4 };
  if (groups(64, 64) >= BUSY) return tiledTile(rows, columns, medium);
  const spans = Math.min(Math.ceil((2 * BUSY) / groups(64, 64)), Math.floor(depth / SHORTEST_SPAN));
  if (groups(64, 64) >= BUSY / 2 || spans > 1) return tiledTile(rows, columns, medium, Math.max(1, spans));
  return tiledTile(rows, columns, { m: 32, n: 32, k: 16, rows: 4, columns: 4 });
}

interface DirectShape {
  readonly rows: number;
  readonly columns: number;
  /** Threads along columns and rows, and along the depth. */
  readonly x: number;
  readonly y: number;
  readonly lanes?: number;
}

/** Tiles of registers only. */
function directTile(rows: number, columns: number, shape: DirectShape): Tile {
  const { x, y, lanes = 1 } = shape;
  const constants = {
    TM: shape.rows,
    TN: shape.columns,
    TN4: shape.columns / 4,
    X: x,
    Y: y,
    LANES: lanes,
    SPLIT: lanes > 1,
    PARTS: (x * y * lanes * shape.rows * shape.columns) / 4,
  };
  const workgroups = [Math.ceil(columns / (shape.columns * x)), Math.ceil(rows / (shape.rows * y))] as const;
  return { entry: 'direct', rows: shape.rows, columns: shape.columns, depth: 4, constants, workgroups, spans: 1 };
}

/** Large: on a CPU a load costs as much as fifteen multiply-adds of registers. Four neighbours make its vector. */
function cpuTile(rows: number, columns: number): Tile {
  const wide = columns >= 64 && rows >= 4 ? 16 : 8;
  return directTile(rows, columns, { rows: Math.min(rows, 16), columns: columns >= 32 ? wide : 4, x: 4, y: rows >= 256 ? 4 : 1 });
}

/** 64 threads a workgroup share the depth: one row and a few, or a narrow result, leave too few tiles to fill a GPU. */
function splitTile(rows: number, columns: number): Tile {
  const perThread = Math.min(rows, 4);
  return directTile(rows, columns, { rows: perThread, columns: columns > 4 ? 8 : 4, x: 2, y: 1, lanes: 32 });
}

interface TiledShape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly rows: number;
  readonly columns: number;
}

/** Tiles through workgroup memory. */
function tiledTile(rows: number, columns: number, shape: TiledShape, spans = 1): Tile {
  const { m, n, k } = shape;
  const constants = { BM: m, BN: n, BK: k, TM: shape.rows, TN: shape.columns, TN4: shape.columns / 4 };
  const workgroups = [Math.ceil(columns / n), Math.ceil(rows / m)] as const;
  return { entry: 'tiled', rows: shape.rows, columns: shape.columns, depth: k, constants, workgroups, spans };
}
