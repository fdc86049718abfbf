/** Tile shapes of the matrix product, by problem and device. */

import type { Constants } from '../../src/gpu/shader';
import type { DType } from '../../src/core/dtype';
import { MATRICES } from '../../src/gpu/device';
import { laneConstants } from './lanes';
import type { Target } from '../op';

/** How a product is cut: entry point, a thread's share of y (a subgroup's, in matrices), the step along the depth, and the grid (columns, rows). */
export interface Tile {
  readonly entry: 'direct' | 'tiled' | 'vector' | 'matrix';
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly constants: Constants;
  readonly workgroups: readonly [number, number];
  /** Parts of the depth to work on side by side and sum afterwards. */
  readonly spans: number;
}

/** A matrix product as tiles see it: y [rows, columns] is `depth` deep, and `extension` deeper where an adapter extends it. */
export interface ProductShape {
  readonly layout: 'nt' | 'nn';
  readonly type: DType;
  /** a is in f16; else it is in f32. */
  readonly halves?: boolean;
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly extension: number;
}

/** Products that differ only past this size take the same tile. A multiple of every vector and tile. */
const LARGE = 4096;

/** The name that tiles are kept under: sizes past `LARGE` are one, but for whether vectors fit them. */
export function productName({ layout, type, halves, rows, columns, depth, extension }: ProductShape): string {
  const [m, n, k] = [rows, columns, depth].map((size) => (size > LARGE ? LARGE + (size % 4) : size));
  return `${layout} ${type}${halves === true ? ' halves' : ''} ${m}x${n}x${k}+${extension}`;
}

/** The product that `name` stands for; null when it is no name of a product. */
export function productOf(name: string): ProductShape | null {
  const found = /^(nt|nn) (f32|f16|q8|q4)( halves)? (\d+)x(\d+)x(\d+)\+(\d+)$/.exec(name);
  if (found === null) return null;
  const [layout, type] = found.slice(1) as [ProductShape['layout'], DType];
  const [rows = 0, columns = 0, depth = 0, extension = 0] = found.slice(4).map(Number);
  return { layout, type, ...(found[3] !== undefined && { halves: true }), rows, columns, depth, extension };
}

/** The tile of a product: the one that the target names, else the static choice. */
export function tileOf(product: ProductShape, target: Target): Tile {
  const { rows, columns, depth } = product;
  if (isVector(product, target)) return vectorTile(product, target);
  const named = target.tiles?.(productName(product));
  const chosen = named === undefined ? undefined : candidateTiles(product, target).get(named);
  return chosen ?? chooseTile(rows, columns, depth, target);
}

/** Tiles worth timing for a product, by name. The static choice is the first. */
export function candidateTiles(product: ProductShape, target: Target): ReadonlyMap<string, Tile> {
  const { rows, columns, depth } = product;
  if (isVector(product, target)) return new Map([vectorTile(product, target)].map((tile) => [tileName(tile), tile]));
  const tiles = [
    chooseTile(rows, columns, depth, target),
    ...directCandidates(rows, columns),
    ...tiledCandidates(product),
    ...matrixCandidates(product, target),
  ];
  const limit = ({ entry }: Tile) => Math.min(target.maxWorkgroupBytes, MAX_WORKGROUP_BYTES[entry]);
  return new Map(tiles.filter((tile) => workgroupBytes(tile, product) <= limit(tile)).map((tile) => [tileName(tile), tile]));
}

/** The name of the first tile of subgroup matrices that fits the product of that name. */
export function matrixTile(name: string, target: Target): string | undefined {
  const product = productOf(name);
  const tiles = product === null ? [] : [...candidateTiles(product, target)];
  return tiles.find(([, { entry }]) => entry === 'matrix')?.[0];
}

/** Workgroup memory over the default limit leaves too few workgroups on a core, but where large matrices make up for it. */
const MAX_WORKGROUP_BYTES = { direct: 16384, tiled: 16384, vector: 16384, matrix: 32768 };
/** The most that sums in spans may keep. It is no more than the logits take anyway, so the forecast stays right. */
const MAX_SPAN_BYTES = 16 << 20;

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

/** Tiles not far larger than the result; deeper products also in spans, where one tile each would leave a GPU idle. */
function tiledCandidates({ rows, columns, depth }: ProductShape): Tile[] {
  const fitting = TILED_SHAPES.filter(({ m, n }) => m < 2 * rows + 32 && n < 2 * columns + 32);
  return fitting.flatMap((shape) => {
    const whole = tiledTile(rows, columns, shape);
    const [x, y] = whole.workgroups;
    const spans = [2, 4, 8].filter(
      (parts) => x * y * parts <= 4 * BUSY && depth >= parts * SHORTEST_SPAN && 4 * parts * rows * columns <= MAX_SPAN_BYTES,
    );
    return [whole, ...spans.slice(-2).map((parts) => ({ ...whole, spans: parts }))];
  });
}

/** Of the subgroups of a workgroup, how many lie side by side along rows and columns, and the matrices of each. */
const MATRIX_SHAPES = [
  { groups: [2, 2], matrices: [2, 2] },
  { groups: [2, 2], matrices: [2, 4] },
  { groups: [2, 2], matrices: [4, 4] },
  { groups: [2, 4], matrices: [4, 2] },
] as const;
const MATRIX_DEPTH = 32;
const MAX_INVOCATIONS = 256;

/** Only where activations are in f16 anyway: weights and adapter are rounded to halves on the way. */
function matrixCandidates({ rows, columns, halves }: ProductShape, { matrices, features }: Target): Tile[] {
  if (halves !== true || matrices === undefined || !features.has(MATRICES)) return [];
  const { M, N, K, lanes } = matrices;
  const tiles = MATRIX_SHAPES.map(({ groups: [down, across], matrices: [TM, TN] }): Tile => {
    const [BM, BN] = [down * TM * M, across * TN * N];
    const sizes = { BM, BN, BK: MATRIX_DEPTH, MM: M, MN: N, MK: K, TM, TN };
    return {
      entry: 'matrix',
      ...{ rows: TM, columns: TN, depth: MATRIX_DEPTH, spans: 1 },
      constants: { ...sizes, LANES: lanes, GROUPS: down * across, GROUPS_N: across },
      workgroups: [Math.ceil(columns / BN), Math.ceil(rows / BM)],
    };
  });
  const fits = ({ constants: { BM, BN, LANES, GROUPS } }: Tile) =>
    Number(LANES) * Number(GROUPS) <= MAX_INVOCATIONS && Number(BM) < 2 * rows + 32 && Number(BN) < 2 * columns + 32;
  return MATRIX_DEPTH % K === 0 && N % 4 === 0 ? tiles.filter(fits) : [];
}

/** Bytes of workgroup memory, as the kernels declare it. */
function workgroupBytes({ entry, constants }: Tile, { layout }: ProductShape): number {
  const {
    BM = 0,
    BN = 0,
    BK = 0,
    SPLIT = false,
    PARTS = 0,
    GROUPS = 0,
    MM = 0,
    MN = 0,
  } = constants as Readonly<Record<string, number | boolean>>;
  if (entry === 'direct') return SPLIT === true ? 16 * Number(PARTS) : 0;
  const [m, n, k] = [Number(BM), Number(BN), Number(BK)];
  if (entry === 'matrix')
    return 2 * (m * (k + 8) + (layout === 'nt' ? n * (k + 8) : k * (n + 8))) + 4 * Number(GROUPS) * Number(MM) * Number(MN);
  return 16 * (m * (k / 4 + 1) + (layout === 'nt' ? n * (k / 4 + 1) : k * (n / 4 + 1)));
}

function tileName({ entry, rows, columns, constants, spans }: Tile): string {
  const { BM, BN, BK, X, Y, LANES, GROUPS } = constants;
  const block = [BM, BN, BK];
  const group = { tiled: block, matrix: block, direct: [X, Y, LANES], vector: [GROUPS, LANES] }[entry];
  return `${entry} ${group.join('x')} ${rows}x${columns}${spans > 1 ? ` /${spans}` : ''}`;
}

/** Workgroups that keep a large GPU busy. */
const BUSY = 128;
/** A shorter part of the depth costs more to sum than it gains. */
const SHORTEST_SPAN = 256;

/** The tile for y [rows, columns] of a product `depth` deep. */
function chooseTile(rows: number, columns: number, depth: number, target: Target): Tile {
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

/** Rows that share one reading of the weights: sequences that are decoded side by side. */
export const FEW = 8;
/** Columns from which on there are enough of them to fill a GPU with few lanes to each. */
const MANY = 4096;

/** Few rows have one tile each on a GPU, whatever is tuned: a row's sums must not hang on the rows beside it. */
function isVector({ layout, rows }: ProductShape, { software }: Target): boolean {
  return layout === 'nt' && rows <= FEW && !software;
}

/** Lanes share the depth of four columns. A lane takes 16 bytes at a turn of f32 and f16, and of quantised weights what shares a scale. */
function vectorTile({ type, rows, columns }: ProductShape, target: Target): Tile {
  const depth = type === 'f32' ? 4 : 8;
  const lanes = columns < MANY ? 64 : 32;
  const groups = 64 / lanes;
  const constants = { ...laneConstants(target, lanes, 64, true), GROUPS: groups, FOURS: depth / 4 };
  return { entry: 'vector', rows, columns: 4, depth, constants, workgroups: [Math.ceil(columns / (4 * groups)), 1], spans: 1 };
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
