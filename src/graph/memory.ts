/**
 * Allocation of temporaries and scratch. Large ones get buffers of their own; smaller ones reuse ranges of these buffers at times when
 * the ranges are free, several side by side. Two that one dispatch binds, one of them for writing, never share a buffer: WebGPU forbids a
 * dispatch to bind a buffer both read-only and writable, even in different ranges.
 */

import { internal } from '../core/errors';
import type { Value } from '../../kernels/op';
import { valueBytes, type Node } from './graph';
import type { Plan } from './plan';

export interface Allocation {
  /** Index into `Memory.buffers`. */
  readonly buffer: number;
  /** Bytes, a multiple of 256. */
  readonly offset: number;
  readonly size: number;
}

export interface Memory {
  /** Bytes of each buffer, largest first. */
  readonly buffers: readonly number[];
  readonly allocationOf: ReadonlyMap<Value, Allocation>;
  /** Scratch of each node that has any. */
  readonly scratchOf: ReadonlyMap<Node, readonly Allocation[]>;
}

/** WebGPU's largest required alignment of a binding's offset. */
const ALIGNMENT = 256;

/** A temporary or a scratch buffer, which needs memory from node `from` to node `to`, both included. */
interface Piece {
  readonly size: number;
  /** `size` rounded up to the alignment. */
  readonly bytes: number;
  from: number;
  to: number;
  /** Nodes that bind it, and the nodes that write it. */
  readonly touched: Set<number>;
  readonly written: number[];
}

/** A piece that was allocated in a region. */
interface Resident {
  readonly piece: Piece;
  readonly offset: number;
}

/** A buffer, and the pieces that share it. */
interface Region {
  readonly bytes: number;
  readonly residents: Resident[];
}

export type ScratchOf = (node: Node) => readonly number[];
/** Bytes of a temporary. */
export type BytesOf = (value: Value) => number;
type Program = Pick<Plan, 'nodes' | 'outputs'>;

/** Allocates the temporaries of `plan` and the scratch of its nodes, whose sizes in bytes `scratchOf` returns. */
export function layOut(plan: Program, scratchOf: ScratchOf, bytesOf: BytesOf = valueBytes): Memory {
  const { values, scratch, all } = piecesOf(plan, scratchOf, bytesOf);
  const regions = pack(all, mostAlive(all));
  const allocate = allocationsIn(regions);
  return {
    buffers: regions.map(({ bytes }) => bytes),
    allocationOf: new Map([...values].map(([value, piece]) => [value, allocate(piece)])),
    scratchOf: new Map([...scratch].map(([node, own]) => [node, own.map(allocate)])),
  };
}

/** The most bytes that are live at one time: a lower bound of any layout. */
export function peakLive(plan: Program, scratchOf: ScratchOf = () => []): number {
  return mostAlive(piecesOf(plan, scratchOf).all);
}

function mostAlive(pieces: readonly Piece[]): number {
  const changes: number[] = [];
  const change = (at: number, bytes: number) => (changes[at] = (changes[at] ?? 0) + bytes);
  for (const { bytes, from, to } of pieces) {
    change(from, bytes);
    change(to + 1, -bytes);
  }
  let live = 0;
  return changes.reduce((most, bytes) => Math.max(most, (live += bytes)), 0);
}

interface Pieces {
  readonly values: ReadonlyMap<Value, Piece>;
  readonly scratch: ReadonlyMap<Node, readonly Piece[]>;
  readonly all: readonly Piece[];
}

/** Every temporary and every scratch buffer, with its lifetime. */
function piecesOf({ nodes, outputs }: Program, scratchOf: ScratchOf, bytesOf: BytesOf = valueBytes): Pieces {
  const values = new Map<Value, Piece>();
  const scratch = new Map<Node, Piece[]>();
  nodes.forEach((node, i) => {
    for (const value of node.outputs) if (value.role === 'temp') touch(values, value, i, bytesOf, true);
    for (const value of node.inputs) if (value?.role === 'temp') touch(values, value, i, bytesOf, false);
    const sizes = scratchOf(node);
    if (sizes.length > 0) scratch.set(node, scratchPieces(scratch.get(node), sizes, i));
  });
  for (const value of outputs) {
    const piece = values.get(value);
    if (piece !== undefined) piece.to = nodes.length;
  }
  return { values, scratch, all: [...values.values(), ...[...scratch.values()].flat()] };
}

/**
 * Assigns to each of `buffers` (bytes) a buffer of `pool` (bytes): the smallest that is large enough and not yet assigned. Appends the
 * missing ones to `pool`. Plans share a pool, since they never run at the same time. Returns indices into `pool`.
 */
export function share(pool: number[], buffers: readonly number[]): number[] {
  const free = new Set(pool.keys());
  return buffers.map((bytes) => {
    const fitting = [...free].filter((i) => (pool[i] ?? 0) >= bytes);
    const chosen = fitting.reduce((best, i) => ((pool[i] ?? 0) < (pool[best] ?? Infinity) ? i : best), fitting[0] ?? pool.length);
    pool[chosen] ??= bytes;
    free.delete(chosen);
    return chosen;
  });
}

function touch(values: Map<Value, Piece>, value: Value, at: number, bytesOf: BytesOf, writes: boolean): void {
  const piece = values.get(value) ?? pieceOf(bytesOf(value), at);
  values.set(value, piece);
  piece.to = at;
  piece.touched.add(at);
  if (writes) piece.written.push(at);
}

function pieceOf(size: number, at: number): Piece {
  return { size, bytes: Math.ceil(size / ALIGNMENT) * ALIGNMENT, from: at, to: at, touched: new Set(), written: [] };
}

/** Scratch of a node at position `at`; a node that occurs several times in the plan (`known`) keeps its scratch. */
function scratchPieces(known: Piece[] | undefined, sizes: readonly number[], at: number): Piece[] {
  const pieces = known ?? sizes.map((bytes) => pieceOf(bytes, at));
  for (const piece of pieces) {
    piece.to = at;
    piece.touched.add(at);
    piece.written.push(at);
  }
  return pieces;
}

/** Orders in which pieces are packed. Largest first is nearly always within 1 % of the lower bound. */
const ORDERS: readonly ((a: Piece, b: Piece) => number)[] = [
  (a, b) => b.bytes - a.bytes || a.from - b.from,
  (a, b) => b.bytes - a.bytes || b.to - b.from - (a.to - a.from) || a.from - b.from,
  (a, b) => b.bytes * (b.to - b.from + 1) - a.bytes * (a.to - a.from + 1) || a.from - b.from,
  (a, b) => b.to - b.from - (a.to - a.from) || b.bytes - a.bytes || a.from - b.from,
];
/** A packing within this factor of the lower bound is good enough; otherwise the next order is tried. */
const SLACK = 1.05;

/** The packing of the first order that is good enough, else of the best order. */
function pack(pieces: readonly Piece[], least: number): readonly Region[] {
  const bytesOf = (regions: readonly Region[]) => regions.reduce((sum, { bytes }) => sum + bytes, 0);
  let best: readonly Region[] | undefined;
  for (const order of ORDERS) {
    const regions = packInOrder(pieces.toSorted(order));
    if (best === undefined || bytesOf(regions) < bytesOf(best)) best = regions;
    if (bytesOf(best) <= SLACK * least) break;
  }
  return (best ?? []).toSorted((a, b) => b.bytes - a.bytes);
}

function allocationsIn(regions: readonly Region[]): (piece: Piece) => Allocation {
  const entries = regions.flatMap(({ residents }, buffer) =>
    residents.map(({ piece, offset }) => [piece, { buffer, offset, size: piece.size }] as const),
  );
  const allocations = new Map<Piece, Allocation>(entries);
  return (piece) => {
    const allocation = allocations.get(piece);
    if (allocation === undefined) throw internal('a piece of memory was not allocated');
    return allocation;
  };
}

/** Puts each piece into the tightest gap, or into a new region. */
function packInOrder(pieces: readonly Piece[]): Region[] {
  const regions: Region[] = [];
  for (const piece of pieces) {
    let best: { readonly region: Region; readonly gap: Gap } | undefined;
    for (const region of regions) {
      const gap = tightestGap(region, piece);
      if (gap !== null && gap.slack < (best?.gap.slack ?? Infinity)) best = { region, gap };
      if (best?.gap.slack === 0) break;
    }
    if (best === undefined) regions.push({ bytes: piece.bytes, residents: [{ piece, offset: 0 }] });
    else best.region.residents.push({ piece, offset: best.gap.offset });
  }
  return regions;
}

interface Gap {
  readonly offset: number;
  /** Bytes of the gap that the piece does not use. */
  readonly slack: number;
}

/** The tightest gap of the region that is free for the whole lifetime of the piece; null when there is none. */
function tightestGap({ bytes, residents }: Region, piece: Piece): Gap | null {
  const concurrent: Resident[] = [];
  for (const resident of residents) {
    const other = resident.piece;
    if (other.from > piece.to || piece.from > other.to) continue;
    if (conflict(piece, other)) return null;
    concurrent.push(resident);
  }
  let best: Gap | null = null;
  let end = 0;
  for (const limit of [...concurrent.sort((a, b) => a.offset - b.offset), null]) {
    const slack = (limit?.offset ?? bytes) - end - piece.bytes;
    if (slack >= 0 && slack < (best?.slack ?? Infinity)) best = { offset: end, slack };
    if (limit !== null) end = Math.max(end, limit.offset + limit.piece.bytes);
  }
  return best;
}

/** Whether a node binds both and writes one of them. */
function conflict(a: Piece, b: Piece): boolean {
  return a.written.some((node) => b.touched.has(node)) || b.written.some((node) => a.touched.has(node));
}
