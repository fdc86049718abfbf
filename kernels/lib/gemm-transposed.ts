/**
 * The product factor·aᵀ·w, which sums over rows: gradients of weights. `a` is transposed into scratch, block by block, for the product of
 * gemm.ts with its tiles. That moves each number of `a` twice more, which is little against the product of two wide matrices.
 */

import type { DType } from '../../src/core/dtype';
import { specialise } from '../../src/gpu/shader';
import type { Binding, Dispatch, Launch, Target } from '../op';
import { bindRange, itemRanges, rowRanges, type ItemRange } from './binding-ranges';
import { gemm } from './gemm';
import { commonDivisor, readScratch, writeScratch } from './launch';
import { withTensors } from './tensors';
import source from './transpose.wgsl?raw';
import { unroll } from './unroll';

/** y [rows, columns] = factor·aᵀ·w of a [depth, rows] and w [depth, columns], each f32 or f16. */
export interface TransposedGemm {
  readonly label: string;
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly a: Binding;
  readonly w: Binding;
  /** Type of `w`. */
  readonly type: DType;
  readonly factor: number;
  /** Add to what `y` holds instead of overwriting it. */
  readonly accumulate: boolean;
  readonly y: Binding;
}

/** The most bytes of `a` that are transposed at a time. */
const BLOCK_BYTES = 32 << 20;

/**
 * The dispatches, and two scratch buffers, which the bindings refer to as scratch `scratch` (the transposed block) and `scratch + 1`
 * (partial sums of a split depth). The second one is absent when no depth is split.
 */
export function transposedGemm(problem: TransposedGemm, target: Target, scratch = 0): Launch {
  const { label, rows, columns, depth, factor, type, accumulate, w, y } = problem;
  const limit = Math.min(BLOCK_BYTES, target.maxBindingBytes);
  // Ranges of rows of y start at multiples of 256 bytes and of four elements.
  const words = commonDivisor(columns, 16);
  const ranges = itemRanges({ what: `${label} over ${depth} rows`, count: rows, bytes: 4 * depth, words }, limit);
  const launches = ranges.map((range) => {
    const product = { a: readScratch(scratch), w, type, depth, factor };
    const block = { label, layout: 'nn', rows: range.count, columns, product, accumulate } as const;
    const part = ranges.length === 1 ? y : bindRange(y, range, 4 * columns);
    const { scratch: partials, dispatches } = gemm({ ...block, y: part }, target, scratch + 1);
    return { partials, dispatches: [...transpose(problem, range, target, scratch), ...dispatches] };
  });
  const longest = Math.max(...ranges.map(({ count }) => count));
  const partials = Math.max(0, ...launches.flatMap((launch) => launch.partials));
  return {
    scratch: [4 * longest * depth, ...(partials > 0 ? [partials] : [])],
    dispatches: launches.flatMap(({ dispatches }) => dispatches),
  };
}

/** Transposes the columns `block` of a; one dispatch for each range of rows that fits a binding. */
function transpose(
  { label, rows: width, depth, a }: TransposedGemm,
  block: ItemRange,
  target: Target,
  scratch: number,
): Dispatch[] {
  const VECTOR = width % 4 === 0 && depth % 4 === 0;
  const each = VECTOR ? 32 : 8;
  return rowRanges(depth, 4 * width, target.maxBindingBytes).map((range) => {
    const place = { FIRST: block.first, ROWS: block.count, START: range.first, COUNT: range.count };
    const constants = { VECTOR, WIDTH: width, DEPTH: depth, ...place };
    const bindings = [range.count === depth ? a : bindRange(a, range, 4 * width), writeScratch(scratch)];
    const code = withTensors(unroll(source, {}), bindings, constants);
    const workgroups = [Math.ceil(block.count / each), Math.ceil(range.count / each), 1] as const;
    return { shader: specialise(`${label} transpose`, code, 'transpose', constants), bindings, workgroups };
  });
}
