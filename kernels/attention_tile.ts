/** The tile geometry of the attention kernels, by problem size and device. The constants are those of attention.wgsl. */

import type { Target } from './op';

export interface Geometry {
  /** 1: rows are staged in workgroup memory. 0: they are loaded straight into registers. */
  readonly STAGED: 0 | 1;
  /** Rows of a workgroup's tile, in strips of four. An invocation has BANDS strips. */
  readonly OWN: number;
  readonly BANDS: number;
  /** Invocations per strip. Each multiplies it with PAIRS of the COLS·PAIRS other rows. */
  readonly COLS: number;
  readonly PAIRS: number;
  /** Workgroups per tile, with COLUMNS vectors (of four) of the head each; an invocation has COLUMNS_EACH of them. */
  readonly BLOCKS: number;
  readonly COLUMNS: number;
  readonly COLUMNS_EACH: number;
  /** Vectors of workgroup memory. Rows are staged in slices of SLICE vectors, or ROWS rows of COLUMNS vectors at a time. */
  readonly TILE: number;
  readonly SLICE: number;
  readonly ROWS: number;
  /** Workgroups that share the query heads of a key head; each computes partial sums. */
  readonly GROUP_SPLITS: number;
}

/** The problem size of a kernel. */
export interface Extent {
  readonly headSize: number;
  /** Rows of the batch and tokens per row. */
  readonly rows: number;
  readonly tokens: number;
  /** Heads that own tiles, and the number of heads of the other side for each of them. */
  readonly heads: number;
  readonly group: number;
  /** Tensors that are computed for the own rows. */
  readonly outputs: 1 | 2;
}

/** Workgroups that keep a large GPU busy. */
const BUSY = 256;
/** Vectors of workgroup memory on a GPU: 16 KiB. */
const TILE = 1024;
/** Other rows per tile. */
const OTHER = 32;

export function geometry(extent: Extent, target: Target): Geometry {
  // With a head size that is no multiple of four, loads are scalar, and loading each row twice costs more than staging it.
  if (target.software && extent.headSize % 4 === 0) return cpuGeometry(extent);
  const groups = (own: number) => Math.ceil(extent.tokens / own) * extent.heads * extent.rows;
  const OWN = groups(64) < BUSY ? 32 : 64;
  const tile = gpuGeometry(extent, OWN);
  const splits = divisors(extent.group).find((count) => groups(OWN) * tile.BLOCKS * count >= BUSY) ?? extent.group;
  const fits = partialBytes(extent, splits) <= target.maxBindingBytes;
  return { ...tile, GROUP_SPLITS: extent.outputs === 2 && fits ? splits : 1 };
}

/** Bytes of the partial sums of `splits` workgroups, per output. */
export function partialBytes({ rows, tokens, heads, headSize }: Extent, splits: number): number {
  return 4 * splits * rows * tokens * heads * headSize;
}

function divisors(whole: number): number[] {
  return Array.from({ length: whole }, (_, i) => i + 1).filter((count) => whole % count === 0);
}

/** Few invocations with many registers each: on a CPU, barriers and workgroup memory cost more than loading twice. */
function cpuGeometry({ headSize, outputs }: Extent): Geometry {
  const COLUMNS = Math.ceil(headSize / 4);
  const COLS = COLUMNS > 32 ? 8 : 4;
  const COLUMNS_EACH = Math.ceil(COLUMNS / COLS);
  // More sums per invocation take long to compile and gain little.
  const BANDS = COLUMNS_EACH * outputs <= 4 ? 2 : 1;
  const OWN = 4 * BANDS;
  return {
    ...{ STAGED: 0, OWN, BANDS, COLS, PAIRS: OTHER / COLS, BLOCKS: 1, COLUMNS, COLUMNS_EACH },
    ...{ TILE: (OTHER * OWN) / 4, SLICE: 1, ROWS: 1, GROUP_SPLITS: 1 },
  };
}

function gpuGeometry({ headSize, outputs }: Extent, OWN: number): Geometry {
  const depth = Math.ceil(headSize / 4);
  // An invocation's sums, 4·COLUMNS_EACH vectors for each output, must stay in registers.
  const BLOCKS = Math.ceil((depth * outputs) / 64);
  const COLUMNS = Math.ceil(depth / BLOCKS);
  const COLS = Math.ceil(COLUMNS / 8) * outputs <= 4 ? 8 : 16;
  return {
    ...{ STAGED: 1, OWN, BANDS: 1, COLS, PAIRS: OTHER / COLS, BLOCKS, COLUMNS, COLUMNS_EACH: Math.ceil(COLUMNS / COLS) },
    ...{ TILE, SLICE: Math.ceil(depth / Math.ceil(depth / 8)), GROUP_SPLITS: 1 },
    ROWS: Math.min(OTHER, 2 ** Math.floor(Math.log2((TILE - (OTHER * OWN) / 4) / COLUMNS))),
  };
}
