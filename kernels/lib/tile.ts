/** Tiles of the matrix product: the static choice by problem and device, and the candidates that the tuner times. */

import type { Constants } from '../../src/gpu/shader';
import type { DType } from '../../src/core/dtype';
import { MATRICES } from '../../src/gpu/device';
import { laneConstants } from './lanes';
import type { Target } from '../op';

/** How a product is tiled. */
export interface Tile {
  /** The entry point: gemm-direct.wgsl, gemm-tiled.wgsl, gemm-vector.wgsl or gemm-matrix.wgsl. */
  readonly entry: 'direct' | 'tiled' | 'vector' | 'matrix';
  /** The rows and columns of y per invocation; of `matrix`, the matrices per subgroup. */
  readonly rows: number;
  readonly columns: number;
  /** The step along the depth. */
  readonly depth: number;
  readonly constants: Constants;
  /** Workgroups along columns and rows. */
  readonly workgroups: readonly [number, number];
  /** Parts of the depth that are computed in parallel and summed afterwards. */
  readonly splitK: number;
}

/** The sizes and types that determine a tile: y [rows, columns] of a product `depth` deep, plus `extension` for an adapter's rank. */
export interface ProductShape {
  readonly layout: 'nt' | 'nn';
  /** Type of the weights. */
  readonly type: DType;
  /** The activations `a` are stored in f16 instead of f32. */
  readonly f16Activations?: boolean;
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly extension: number;
}

/** Sizes above this one share a tile. A multiple of every vector and tile size. */
const LARGE = 4096;

/**
 * The name under which the tuner stores a product's tile. Sizes above `LARGE` share a name unless they differ modulo 4. Names are
 * stored in run records and in IndexedDB: they must not change.
 */
export function productName({ layout, type, f16Activations, rows, columns, depth, extension }: ProductShape): string {
  const [m, n, k] = [rows, columns, depth].map((size) => (size > LARGE ? LARGE + (size % 4) : size));
  return `${layout} ${type}${f16Activations === true ? ' halves' : ''} ${m}x${n}x${k}+${extension}`;
}

/** Parses a product name; null when it is not one. */
export function productOf(name: string): ProductShape | null {
  const found = /^(nt|nn) (f32|f16|q8|q4)( halves)? (\d+)x(\d+)x(\d+)\+(\d+)$/.exec(name);
  if (found === null) return null;
  const [layout, type] = found.slice(1) as [ProductShape['layout'], DType];
  const [rows = 0, columns = 0, depth = 0, extension = 0] = found.slice(4).map(Number);
  return { layout, type, ...(found[3] !== undefined && { f16Activations: true }), rows, columns, depth, extension };
}

/** The tile of a product: the one that the target names, or the static choice. */
export function tileOf(product: ProductShape, target: Target): Tile {
  const { rows, columns, depth } = product;
  if (isFew(product, target)) return fewTile(product, target);
  const named = target.tiles?.(productName(product));
  const chosen = named === undefined ? undefined : candidateTiles(product, target).get(named);
  return chosen ?? chooseTile(rows, columns, depth, target);
}

/** The tiles that the tuner times for a product, by name. The static choice comes first. */
export function candidateTiles(product: ProductShape, target: Target): ReadonlyMap<string, Tile> {
  const { rows, columns, depth } = product;
  if (isFew(product, target)) return new Map([fewTile(product, target)].map((tile) => [tileName(tile), tile]));
  const tiles = [
    chooseTile(rows, columns, depth, target),
    ...directCandidates(rows, columns),
    ...tiledCandidates(product),
    ...matrixCandidates(product, target),
  ];
  const limit = ({ entry }: Tile) => Math.min(target.maxWorkgroupBytes, MAX_WORKGROUP_BYTES[entry]);
  return new Map(tiles.filter((tile) => workgroupBytes(tile, product) <= limit(tile)).map((tile) => [tileName(tile), tile]));
}

/** The name of the first subgroup-matrix tile for the product of that name; undefined when there is none. */
export function matrixTile(name: string, target: Target): string | undefined {
  const product = productOf(name);
  const tiles = product === null ? [] : [...candidateTiles(product, target)];
  return tiles.find(([, { entry }]) => entry === 'matrix')?.[0];
}

/** More than WebGPU's default limit leaves too few workgroups per core. Large subgroup matrices are worth that. */
const MAX_WORKGROUP_BYTES = { direct: 16384, tiled: 16384, vector: 16384, matrix: 32768 };
/** Limit on the partial sums of a split depth. The logits take more than this, so the memory forecast stays valid. */
const MAX_PARTIAL_BYTES = 16 << 20;

function directCandidates(rows: number, columns: number): Tile[] {
  if (rows <= 16 || columns <= 32) {
    const few = Math.min(rows, 4);
    return [
      directTile(rows, columns, { rows: few, columns: 4, x: 1, y: 1, lanes: 64 }),
      directTile(rows, columns, { rows: few, columns: 4, x: 4, y: 1, lanes: 16 }),
      directTile(rows, columns, { rows: few, columns: 4, x: 8, y: 8 }),
    ];
  }
  return [
    directTile(rows, columns, { rows: 4, columns: 4, x: 8, y: 8 }),
    directTile(rows, columns, { rows: 8, columns: 4, x: 8, y: 8 }),
  ];
}

const TILED_SHAPES: readonly TiledShape[] = [
  { m: 128, n: 128, k: 8, rows: 8, columns: 8 },
  { m: 128, n: 64, k: 8, rows: 8, columns: 4 },
  { m: 64, n: 64, k: 16, rows: 4, columns: 4 },
  { m: 64, n: 64, k: 16, rows: 8, columns: 4 },
  { m: 32, n: 64, k: 16, rows: 4, columns: 4 },
  { m: 32, n: 32, k: 16, rows: 4, columns: 4 },
  { m: 32, n: 32, k: 32, rows: 4, columns: 4 },
];

/** Tiles that are not much larger than the result. The depth is also split where whole tiles would leave a GPU idle. */
function tiledCandidates({ rows, columns, depth }: ProductShape): Tile[] {
  const fitting = TILED_SHAPES.filter(({ m, n }) => m < 2 * rows + 32 && n < 2 * columns + 32);
  return fitting.flatMap((shape) => {
    const whole = tiledTile(rows, columns, shape);
    const [x, y] = whole.workgroups;
    const splits = [2, 4, 8].filter(
      (count) => x * y * count <= 4 * BUSY && depth >= count * SHORTEST_SPLIT && 4 * count * rows * columns <= MAX_PARTIAL_BYTES,
    );
    return [whole, ...splits.slice(-2).map((splitK) => ({ ...whole, splitK }))];
  });
}

/** Subgroups of a workgroup along rows and columns, and the matrices of each subgroup. */
const MATRIX_SHAPES = [
  { groups: [2, 2], matrices: [2, 2] },
  { groups: [2, 2], matrices: [2, 4] },
  { groups: [2, 2], matrices: [4, 4] },
  { groups: [2, 4], matrices: [4, 2] },
] as const;
const MATRIX_DEPTH = 32;
const MAX_INVOCATIONS = 256;

/** Only for activations in f16, because this kernel rounds weights and adapter to f16 as well. */
function matrixCandidates({ rows, columns, f16Activations }: ProductShape, { matrices, features }: Target): Tile[] {
  if (f16Activations !== true || matrices === undefined || !features.has(MATRICES)) return [];
  const { M, N, K, lanes } = matrices;
  const tiles = MATRIX_SHAPES.map(({ groups: [down, across], matrices: [TM, TN] }): Tile => {
    const [BM, BN] = [down * TM * M, across * TN * N];
    const sizes = { BM, BN, BK: MATRIX_DEPTH, MM: M, MN: N, MK: K, TM, TN };
    return {
      entry: 'matrix',
      ...{ rows: TM, columns: TN, depth: MATRIX_DEPTH, splitK: 1 },
      constants: { ...sizes, LANES: lanes, GROUPS: down * across, GROUPS_N: across },
      workgroups: [Math.ceil(columns / BN), Math.ceil(rows / BM)],
    };
  });
  const fits = ({ constants: { BM, BN, LANES, GROUPS } }: Tile) =>
    Number(LANES) * Number(GROUPS) <= MAX_INVOCATIONS && Number(BM) < 2 * rows + 32 && Number(BN) < 2 * columns + 32;
  return MATRIX_DEPTH % K === 0 && N % 4 === 0 ? tiles.filter(fits) : [];
}

/** Bytes of workgroup memory that the kernels declare. */
function workgroupBytes({ entry, constants }: Tile, { layout }: ProductShape): number {
  const {
    BM = 0,
    BN = 0,
    BK = 0,
    REDUCE = false,
    LANE_SUMS = 0,
    GROUPS = 0,
    MM = 0,
    MN = 0,
  } = constants as Readonly<Record<string, number | boolean>>;
  if (entry === 'direct') return REDUCE === true ? 16 * Number(LANE_SUMS) : 0;
  const [m, n, k] = [Number(BM), Number(BN), Number(BK)];
  if (entry === 'matrix')
    return 2 * (m * (k + 8) + (layout === 'nt' ? n * (k + 8) : k * (n + 8))) + 4 * Number(GROUPS) * Number(MM) * Number(MN);
  return 16 * (m * (k / 4 + 1) + (layout === 'nt' ? n * (k / 4 + 1) : k * (n / 4 + 1)));
}

/** Stored in run records and in IndexedDB, like `productName`: must not change. */
function tileName({ entry, rows, columns, constants, splitK }: Tile): string {
  const { BM, BN, BK, X, Y, LANES, GROUPS } = constants;
  const block = [BM, BN, BK];
  const group = { tiled: block, matrix: block, direct: [X, Y, LANES], vector: [GROUPS, LANES] }[entry];
  return `${entry} ${group.join('x')} ${rows}x${columns}${splitK > 1 ? ` /${splitK}` : ''}`;
}

/** Workgroups that keep a large GPU busy. */
const BUSY = 128;
/** Splitting the depth into shorter parts than this costs more for the sum than it gains. */
const SHORTEST_SPLIT = 256;

/** The static choice. */
function chooseTile(rows: number, columns: number, depth: number, target: Target): Tile {
  if (target.software) return cpuTile(rows, columns);
  if ((rows <= 16 || columns <= 32) && depth >= 128) return reduceTile(rows, columns);
  const groups = (m: number, n: number) => Math.ceil(rows / m) * Math.ceil(columns / n);
  if (groups(128, 128) >= BUSY) return tiledTile(rows, columns, { m: 128, n: 128, k: 8, rows: 8, columns: 8 });
  const medium = { m: 64, n: 64, k: 16, rows: 4, columns: 4 };
  if (groups(64, 64) >= BUSY) return tiledTile(rows, columns, medium);
  const splitK = Math.min(Math.ceil((2 * BUSY) / groups(64, 64)), Math.floor(depth / SHORTEST_SPLIT));
  if (groups(64, 64) >= BUSY / 2 || splitK > 1) return tiledTile(rows, columns, medium, Math.max(1, splitK));
  return tiledTile(rows, columns, { m: 32, n: 32, k: 16, rows: 4, columns: 4 });
}

interface DirectShape {
  readonly rows: number;
  readonly columns: number;
  /** Invocations along columns, rows and the depth. */
  readonly x: number;
  readonly y: number;
  readonly lanes?: number;
}

/** Tiles in registers, without workgroup memory unless `lanes` invocations reduce one tile. */
function directTile(rows: number, columns: number, shape: DirectShape): Tile {
  const { x, y, lanes = 1 } = shape;
  const constants = {
    TM: shape.rows,
    TN: shape.columns,
    TN4: shape.columns / 4,
    X: x,
    Y: y,
    LANES: lanes,
    REDUCE: lanes > 1,
    LANE_SUMS: (x * y * lanes * shape.rows * shape.columns) / 4,
  };
  const workgroups = [Math.ceil(columns / (shape.columns * x)), Math.ceil(rows / (shape.rows * y))] as const;
  return { entry: 'direct', rows: shape.rows, columns: shape.columns, depth: 4, constants, workgroups, splitK: 1 };
}

/** Large tiles: on a CPU a load costs as much as fifteen multiply-adds in registers. Four neighbouring invocations form a SIMD vector. */
function cpuTile(rows: number, columns: number): Tile {
  const wide = columns >= 64 && rows >= 4 ? 16 : 8;
  return directTile(rows, columns, { rows: Math.min(rows, 16), columns: columns >= 32 ? wide : 4, x: 4, y: rows >= 256 ? 4 : 1 });
}

/** The 64 invocations of a workgroup share the depth, because few rows or columns give too few tiles to fill a GPU. */
function reduceTile(rows: number, columns: number): Tile {
  const perThread = Math.min(rows, 4);
  return directTile(rows, columns, { rows: perThread, columns: columns > 4 ? 8 : 4, x: 2, y: 1, lanes: 32 });
}

/** Up to this many rows (sequences that are decoded together) are computed in one pass over the weights. */
export const FEW = 8;
/** From this many columns on, 32 lanes per group of columns fill a GPU; fewer columns take 64. */
const MANY_COLUMNS = 4096;

/** Few rows always take the tile of `fewTile` on a GPU, even if the tuner chose another. */
function isFew({ rows }: ProductShape, { software }: Target): boolean {
  return rows <= FEW && !software;
}

/** The sums of a row must not depend on the other rows. The static choice is the same for all numbers of few rows. */
function fewTile(product: ProductShape, target: Target): Tile {
  const { layout, rows, columns, depth } = product;
  return layout === 'nt' ? vectorTile(product, target) : chooseTile(rows, columns, depth, target);
}

/** Lanes share the depth of four columns. Per step a lane reads 16 bytes of f32 or f16, or eight quantised weights, which share a scale. */
function vectorTile({ type, rows, columns }: ProductShape, target: Target): Tile {
  const depth = type === 'f32' ? 4 : 8;
  const lanes = columns < MANY_COLUMNS ? 64 : 32;
  const groups = 64 / lanes;
  const constants = { ...laneConstants(target, lanes, 64, true), GROUPS: groups, FOURS: depth / 4 };
  return { entry: 'vector', rows, columns: 4, depth, constants, workgroups: [Math.ceil(columns / (4 * groups)), 1], splitK: 1 };
}

interface TiledShape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly rows: number;
  readonly columns: number;
}

/** Tiles in workgroup memory. */
function tiledTile(rows: number, columns: number, shape: TiledShape, splitK = 1): Tile {
  const { m, n, k } = shape;
  const constants = { BM: m, BN: n, BK: k, TM: shape.rows, TN: shape.columns, TN4: shape.columns / 4 };
  const workgroups = [Math.ceil(columns / n), Math.ceil(rows / m)] as const;
  return { entry: 'tiled', rows: shape.rows, columns: shape.columns, depth: k, constants, workgroups, splitK };
}
