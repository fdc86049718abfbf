/** Matrix products as dispatches: picks tile shapes, cuts weights over the binding limit into row blocks. Used by several ops. */

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
import { cuts, slice, type Span } from './binding-ranges';
import { sumParts } from './partial-sums';
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

/** factor·a·op(w): `a` is f32 or f16 [rows, depth], `w` is read in `layout` and lies in its buffer row by row. */
export interface Product {
  readonly a: Binding;
  readonly w: Binding;
  readonly type: DType;
  readonly depth: number;
  readonly factor: number;
}

/**
 * y [rows, columns] = product + extension + bias + addend. Only the product's w may be quantised, and y, a and the addend f16; q and
 * bias must fit a binding.
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
  readonly y: Binding;
}

/**
 * The dispatches that make `y`: one, unless a tensor is over the binding limit, or the depth is taken in spans, whose sums need
 * scratch. At most one scratch buffer comes back; it is the `scratch`-th of the launch.
 */
export function gemm(problem: Gemm, target: Target, scratch = 0): Launch {
  const { label, rows, columns, product, extension } = problem;
  const widths = [columns, product.depth, ...(extension ? [extension.depth] : [])];
  const halves = [problem.y, product.a, problem.addend, extension?.a].some((binding) => binding?.half === true);
  const shared = widths.reduce(commonDivisor);
  const row = { bytes: 4 * Math.max(...widths), words: halves && shared % 2 === 0 ? shared / 2 : shared };
  const parts = cuts({ what: `${label} of ${rows} rows`, count: rows, ...row }, target.maxBindingBytes);
  const launches = parts.map((span) => gemmRows(parts.length === 1 ? problem : rowsOf(problem, span), target, scratch));
  const largest = Math.max(...launches.map(({ scratch: [bytes = 0] }) => bytes));
  return { scratch: largest > 0 ? [largest] : [], dispatches: launches.flatMap(({ dispatches }) => dispatches) };
}

/** The rows of `span` of y, from those of a, p and the addend. */
function rowsOf(problem: Gemm, span: Span): Gemm {
  const { columns, product, extension = null, addend = null, y } = problem;
  const of = (part: Product): Product => ({ ...part, a: slice(part.a, span, 4 * part.depth) });
  return {
    ...problem,
    rows: span.count,
    product: of(product),
    extension: extension && of(extension),
    addend: addend && slice(addend, span, 4 * columns),
    y: slice(y, span, 4 * columns),
  };
}

function gemmRows(problem: Gemm, target: Target, scratch: number): Launch {
  const blocks = rowBlocks({ shape: storedShape(problem), dtype: problem.product.type }, target.maxBindingBytes);
  const launches = blocks.map((block) => inSpans(gemmBlock(problem, block), target, scratch));
  const largest = Math.max(...launches.map(({ scratch: [bytes = 0] }) => bytes));
  return { scratch: largest > 0 ? [largest] : [], dispatches: launches.flatMap(({ dispatches }) => dispatches) };
}

/** A product in the frame of a larger one: where its columns of y and its depths of a and w begin. */
interface Part extends Gemm {
  readonly whole: Gemm;
  readonly column: number;
  readonly depthStart: number;
  /** The first row of w that is bound. */
  readonly wRow: number;
}

/** One row block of w: some columns of y when nt, a part of the depth when nn, added to what the blocks before left in y. */
function gemmBlock(whole: Gemm, block: RowBlock): Part {
  const { layout, product } = whole;
  const part = block.range === undefined ? product : { ...product, w: { ...product.w, range: block.range } };
  const wRow = block.first;
  if (layout === 'nt') return { ...whole, whole, columns: block.rows, product: part, column: block.first, depthStart: 0, wRow };
  const rest = block.first === 0 ? {} : { extension: null, bias: null, addend: null };
  return { ...whole, whole, ...rest, product: { ...part, depth: block.rows }, column: 0, depthStart: block.first, wRow };
}

/** A part of y: at once, or spans of its depth side by side into scratch and then their sum. */
function inSpans(part: Part, target: Target, scratch: number): Launch {
  const { layout, rows, columns, product } = part;
  const { type, depth } = product;
  const halves = product.a.half === true;
  const tile = tileOf({ layout, type, halves, rows, columns, depth, extension: part.extension?.depth ?? 0 }, target);
  const span = Math.ceil(product.depth / tile.spans / tile.depth) * tile.depth;
  const spans = Math.ceil(product.depth / span);
  const bytes = 4 * rows * columns * spans;
  if (spans === 1 || columns !== part.whole.columns || bytes > target.maxBindingBytes)
    return { scratch: [], dispatches: [dispatch(part, tile, product.depth, target)] };
  const { bias = null, addend = null, label, y } = part;
  const sums = { ...part, bias: null, addend: null, y: writeScratch(scratch) };
  const accumulate = part.depthStart > 0;
  const sum = sumParts({ label: `${label} sum`, parts: readScratch(scratch), spans, rows, columns, bias, addend, accumulate, y });
  return { scratch: [bytes], dispatches: [dispatch(sums, tile, span, target), sum] };
}

/** One dispatch; `span` is the whole depth, or a part of it for each layer of the grid. */
function dispatch(part: Part, tile: Tile, span: number, target: Target): Dispatch {
  const { layout, product, extension = null, bias = null, addend = null } = part;
  const products = extension === null ? [product] : [product, extension];
  const spans = Math.ceil(product.depth / span);
  const constants: Constants = {
    ...operandConstants(part, products, tile, target),
    ...tile.constants,
    NT: layout === 'nt',
    ROWS: part.rows,
    COLUMNS: part.columns,
    SPAN: span,
    Y_STRIDE: part.whole.columns,
    Y_COLUMN: part.column,
    A_COLUMN_0: part.depthStart,
    ACCUMULATE: part.depthStart > 0 && spans === 1,
    ...(extension && { A_COLUMN_1: 0, W_ROW_1: layout === 'nt' ? part.column : 0 }),
  };
  const counts = { PRODUCTS: products.length, TM: tile.rows, TN: tile.columns, TN4: tile.columns / 4, FOURS: tile.depth / 4 };
  const scales = scalesOf(part.whole);
  const source = unroll([operandSource, ...(scales === null ? [] : [dequantiseSource]), LOOPS[tile.entry]].join('\n'), counts);
  const optional = [bias, addend, scales].filter((binding) => binding !== null);
  const bindings = [part.y, ...products.flatMap(({ a, w }) => [a, w]), ...optional];
  return {
    shader: specialise(part.label, withTensors(source, bindings, constants), tile.entry, constants),
    bindings,
    workgroups: [...tile.workgroups, spans],
  };
}

function operandConstants(part: Part, products: readonly Product[], tile: Tile, target: Target): Constants {
  const { whole } = part;
  const nt = part.layout === 'nt';
  const wholes = [whole.product, ...(part.extension ? [part.extension] : [])];
  const VECTOR = [whole.columns, part.columns, ...products.map(({ depth }) => depth)].every((size) => size % 4 === 0);
  const bias = 1 + 2 * products.length;
  const native = target.features.has('shader-f16');
  const addend = bias + (part.bias != null ? 1 : 0);
  const each = products.map((product, s): Constants => ({
    [`DEPTH_${s}`]: product.depth,
    [`FACTOR_${s}`]: f32(product.factor),
    [`HALF_${s}`]: product.type === 'f16',
    [`NATIVE_HALF_${s}`]: native && product.type === 'f16',
    [`QUANTISED_${s}`]: isQuantised(product.type),
    [`A_STRIDE_${s}`]: wholes[s]?.depth ?? 0,
    [`W_STRIDE_${s}`]: nt ? (wholes[s]?.depth ?? 0) : whole.columns,
  }));
  return {
    W_ROW_0: 0,
    VECTOR,
    HALF: part.product.type === 'f16',
    NATIVE_HALF: native,
    GUARD: products.some(({ depth }) => depth % tile.depth !== 0),
    EXTENDED: products.length === 2,
    BIAS: part.bias != null,
    BIAS_BINDING: bias,
    ADDEND: part.addend != null,
    ADDEND_BINDING: addend,
    QUANTISED: isQuantised(part.product.type),
    ...dequantiseConstants(part, addend + (part.addend != null ? 1 : 0)),
    ...each[0],
    ...each[1],
  };
}

/** w as it lies in its buffer: [rows, columns]. */
function storedShape({ layout, columns, product }: Gemm): readonly [number, number] {
  return layout === 'nt' ? [columns, product.depth] : [product.depth, columns];
}

/** The scales of a quantised w, always bound whole: they take a sixteenth of its bytes or less. */
function scalesOf(whole: Gemm): Binding | null {
  const { w, type } = whole.product;
  return isQuantised(type) ? { ...w, range: quantisedLayout(type, ...storedShape(whole)).scales } : null;
}

function dequantiseConstants({ whole, wRow }: Part, binding: number): Constants {
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
