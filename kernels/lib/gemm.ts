/**
 * Matrix products as dispatches: chooses the tile, and splits tensors that exceed the binding limit. Used by matmul, lowrank and
 * crossentropy.
 */

import type { DType } from '../../src/core/dtype';
import { isQuantised, NF4, quantisedLayout } from '../../src/core/quantised';
import { f32, specialise, type Constants } from '../../src/gpu/shader';
import { rowBlocks, type RowBlock } from './row-blocks';
import dequantiseSource from './dequantise.wgsl?raw';
import directSource from './gemm-direct.wgsl?raw';
import tiledSource from './gemm-tiled.wgsl?raw';
import vectorSource from './gemm-vector.wgsl?raw';
import matrixSource from './gemm-matrix.wgsl?raw';
import operandSource from './gemm.wgsl?raw';
import { withLanes } from './lanes';
import { commonDivisor, readScratch, writeScratch } from './launch';
import type { Binding, Dispatch, Launch, Target } from '../op';
import { bindRange, itemRanges, type ItemRange } from './binding-ranges';
import { addPartialSums } from './partial-sums';
import { withTensors } from './tensors';
import { tileOf, type Tile } from './tile';
import { unroll } from './unroll';

const LOOPS: Readonly<Record<Tile['entry'], string>> = {
  direct: directSource,
  tiled: tiledSource,
  vector: withLanes(vectorSource),
  matrix: matrixSource,
};

/** nt: a·wᵀ with w [N, depth]; nn: a·w with w [depth, N]. */
export type Layout = 'nt' | 'nn';

/** factor·a·op(w), with `a` f32 or f16 [rows, depth], and `w` row-major in the layout of the Gemm. */
export interface Product {
  readonly a: Binding;
  readonly w: Binding;
  /** Type of `w`. */
  readonly type: DType;
  readonly depth: number;
  readonly factor: number;
}

/**
 * y [rows, columns] = product + extension + bias + addend. Only the `w` of `product` may be f16 or quantised, and only y, a and the
 * addend may be f16 activations. The `w` of the extension and the bias must fit a binding.
 */
export interface Gemm {
  readonly label: string;
  readonly layout: Layout;
  readonly rows: number;
  readonly columns: number;
  readonly product: Product;
  readonly extension?: Product | null;
  readonly bias?: Binding | null;
  readonly addend?: Binding | null;
  /** Add to what `y` holds instead of overwriting it. */
  readonly accumulate?: boolean;
  readonly y: Binding;
}

/**
 * The dispatches that compute `y`: one, unless a tensor exceeds the binding limit or the depth is split. A split depth stores partial
 * sums in scratch: at most one scratch buffer is returned, and the bindings refer to it as scratch number `scratch`.
 */
export function gemm(problem: Gemm, target: Target, scratch = 0): Launch {
  const { label, rows, columns, product, extension } = problem;
  const widths = [columns, product.depth, ...(extension ? [extension.depth] : [])];
  const anyF16 = [problem.y, product.a, problem.addend, extension?.a].some((binding) => binding?.f16 === true);
  const shared = widths.reduce(commonDivisor);
  const row = { bytes: 4 * Math.max(...widths), words: anyF16 && shared % 2 === 0 ? shared / 2 : shared };
  const ranges = itemRanges({ what: `${label} of ${rows} rows`, count: rows, ...row }, target.maxBindingBytes);
  return merged(ranges.map((range) => gemmRows(ranges.length === 1 ? problem : restrictRows(problem, range), target, scratch)));
}

/** Launches that run one after the other and share one scratch buffer. */
function merged(launches: readonly Launch[]): Launch {
  const largest = Math.max(...launches.map(({ scratch: [bytes = 0] }) => bytes));
  return { scratch: largest > 0 ? [largest] : [], dispatches: launches.flatMap(({ dispatches }) => dispatches) };
}

/** The problem for the rows of `range` only. */
function restrictRows(problem: Gemm, range: ItemRange): Gemm {
  const { columns, product, extension = null, addend = null, y } = problem;
  const restrict = (of: Product): Product => ({ ...of, a: bindRange(of.a, range, 4 * of.depth) });
  return {
    ...problem,
    rows: range.count,
    product: restrict(product),
    extension: extension && restrict(extension),
    addend: addend && bindRange(addend, range, 4 * columns),
    y: bindRange(y, range, 4 * columns),
  };
}

function gemmRows(problem: Gemm, target: Target, scratch: number): Launch {
  const blocks = rowBlocks({ shape: storedShape(problem), dtype: problem.product.type }, target.maxBindingBytes);
  return merged(blocks.map((block) => splitDepth(gemmBlock(problem, block), target, scratch)));
}

/** The product with one row block of w, and its place in the whole problem. */
interface Block extends Gemm {
  readonly whole: Gemm;
  /** The first column of y that the block computes. */
  readonly column: number;
  /** The first depth of a that the block reads. */
  readonly depthStart: number;
  /** The first row of w that is bound. */
  readonly wRow: number;
}

/** nt: a row block of w gives some columns of y. nn: it is a part of the depth, whose product is added to y after the first block. */
function gemmBlock(whole: Gemm, block: RowBlock): Block {
  const { layout, product } = whole;
  const bound = block.range === undefined ? product : { ...product, w: { ...product.w, range: block.range } };
  const wRow = block.first;
  if (layout === 'nt') return { ...whole, whole, columns: block.rows, product: bound, column: block.first, depthStart: 0, wRow };
  const rest = block.first === 0 ? {} : { extension: null, bias: null, addend: null };
  return { ...whole, whole, ...rest, product: { ...bound, depth: block.rows }, column: 0, depthStart: block.first, wRow };
}

/** One dispatch, or two when the tile splits the depth: partial sums into scratch, then their sum. */
function splitDepth(block: Block, target: Target, scratch: number): Launch {
  const { layout, rows, columns, product } = block;
  const { type, depth } = product;
  const f16Activations = product.a.f16 === true;
  const tile = tileOf({ layout, type, f16Activations, rows, columns, depth, extension: block.extension?.depth ?? 0 }, target);
  const depthEach = Math.ceil(product.depth / tile.splitK / tile.depth) * tile.depth;
  const count = Math.ceil(product.depth / depthEach);
  const bytes = 4 * rows * columns * count;
  if (count === 1 || columns !== block.whole.columns || bytes > target.maxBindingBytes)
    return { scratch: [], dispatches: [dispatch(block, tile, product.depth, target)] };
  const { bias = null, addend = null, label, y } = block;
  const partial = { ...block, bias: null, addend: null, y: writeScratch(scratch) };
  const accumulate = accumulates(block);
  const sums = { partials: readScratch(scratch), count, rows, columns, bias, addend, accumulate, y };
  const sum = addPartialSums({ label: `${label} sum`, ...sums });
  return { scratch: [bytes], dispatches: [dispatch(partial, tile, depthEach, target), sum] };
}

/** Blocks of the depth after the first add to the result of the earlier ones. */
function accumulates({ depthStart, whole }: Block): boolean {
  return depthStart > 0 || whole.accumulate === true;
}

/** One dispatch. `depthEach` is the depth that each layer of the grid (z) takes; the whole depth gives one layer. */
function dispatch(block: Block, tile: Tile, depthEach: number, target: Target): Dispatch {
  const { layout, product, extension = null, bias = null, addend = null } = block;
  const products = extension === null ? [product] : [product, extension];
  const splits = Math.ceil(product.depth / depthEach);
  const constants: Constants = {
    ...operandConstants(block, products, tile, target),
    ...tile.constants,
    NT: layout === 'nt',
    ROWS: block.rows,
    COLUMNS: block.columns,
    SPLIT_DEPTH: depthEach,
    Y_STRIDE: block.whole.columns,
    Y_COLUMN: block.column,
    A_COLUMN_0: block.depthStart,
    ACCUMULATE: accumulates(block) && splits === 1,
    ...(extension && { A_COLUMN_1: 0, W_ROW_1: layout === 'nt' ? block.column : 0 }),
  };
  const counts = { PRODUCTS: products.length, TM: tile.rows, TN: tile.columns, TN4: tile.columns / 4, FOURS: tile.depth / 4 };
  const scales = scalesOf(block.whole);
  const source = unroll([operandSource, ...(scales === null ? [] : [dequantiseSource]), LOOPS[tile.entry]].join('\n'), counts);
  const optional = [bias, addend, scales].filter((binding) => binding !== null);
  const bindings = [block.y, ...products.flatMap(({ a, w }) => [a, w]), ...optional];
  return {
    shader: specialise(block.label, withTensors(source, bindings, constants), tile.entry, constants),
    bindings,
    workgroups: [...tile.workgroups, splits],
  };
}

function operandConstants(block: Block, products: readonly Product[], tile: Tile, target: Target): Constants {
  const { whole } = block;
  const nt = block.layout === 'nt';
  const wholes = [whole.product, ...(block.extension ? [block.extension] : [])];
  // The depths of the whole problem are the strides of a, and of w when nt.
  const depths = [...products, ...wholes].map(({ depth }) => depth);
  const VECTOR = [whole.columns, block.columns, ...depths].every((size) => size % 4 === 0);
  const bias = 1 + 2 * products.length;
  const native = target.features.has('shader-f16');
  const addend = bias + (block.bias != null ? 1 : 0);
  const each = products.map((product, s): Constants => ({
    [`DEPTH_${s}`]: product.depth,
    [`FACTOR_${s}`]: f32(product.factor),
    [`F16_${s}`]: product.type === 'f16',
    [`NATIVE_F16_${s}`]: native && product.type === 'f16',
    [`QUANTISED_${s}`]: isQuantised(product.type),
    [`A_STRIDE_${s}`]: wholes[s]?.depth ?? 0,
    [`W_STRIDE_${s}`]: nt ? (wholes[s]?.depth ?? 0) : whole.columns,
  }));
  return {
    W_ROW_0: 0,
    VECTOR,
    F16: block.product.type === 'f16',
    NATIVE_F16: native,
    GUARD: products.some(({ depth }) => depth % tile.depth !== 0),
    EXTENDED: products.length === 2,
    BIAS: block.bias != null,
    BIAS_BINDING: bias,
    ADDEND: block.addend != null,
    ADDEND_BINDING: addend,
    QUANTISED: isQuantised(block.product.type),
    ...dequantiseConstants(block, addend + (block.addend != null ? 1 : 0)),
    ...each[0],
    ...each[1],
  };
}

/** The shape of w in its buffer: [rows, columns]. */
function storedShape({ layout, columns, product }: Gemm): readonly [number, number] {
  return layout === 'nt' ? [columns, product.depth] : [product.depth, columns];
}

/** The scales of a quantised w. They are always bound whole: they take at most a sixteenth of its bytes. */
function scalesOf(whole: Gemm): Binding | null {
  const { w, type } = whole.product;
  return isQuantised(type) ? { ...w, range: quantisedLayout(type, ...storedShape(whole)).scales } : null;
}

function dequantiseConstants({ whole, wRow }: Block, binding: number): Constants {
  const { type } = whole.product;
  if (!isQuantised(type)) return {};
  const { rowBytes, rowBlocks, groups } = quantisedLayout(type, ...storedShape(whole));
  return {
    FOUR: type === 'q4',
    SCALES_BINDING: binding,
    SCALE_ROW: wRow,
    ROW_WORDS: rowBytes / 4,
    ROW_BLOCKS: rowBlocks,
    SCALE_BYTES: NF4.length + 2 * groups,
  };
}
