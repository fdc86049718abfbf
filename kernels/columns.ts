/** Ranges of columns: `split` takes some out of a matrix, `concat` puts them into one. Each is the other's gradient. */

import * as tf from '@tensorflow/tfjs-core';
import { internal } from '../src/core/errors';
import { specialise } from '../src/gpu/shader';
import { bindRange, rowRanges } from './lib/binding-ranges';
import { linearGrid, read, specBytes, write } from './lib/launch';
import { launchOf, optional, perRows } from './lib/processor';
import { f32Spec, isActivation, matrixOf, misfit } from './lib/rule';
import { withTensors } from './lib/tensors';
import source from './columns.wgsl?raw';
import { defineOp, type Builder, type Dispatch, type Operand, type Spec, type Target, type Value, type Work } from './op';

/** Columns `offset` to `offset + width`. */
export interface Columns {
  readonly offset: number;
  readonly width: number;
}

export interface SplitAttrs {
  /** One to four ranges, in order and disjoint. Columns in none of them are left out. */
  readonly parts: readonly Columns[];
}

/** y_i [M, width_i] = the columns of part i of x [M, N]; f32 or f16. */
export const splitOp = defineOp<SplitAttrs>()({
  name: 'split',
  inputs: ['x'],
  outputs: ['y0', 'y1?', 'y2?', 'y3?'],
  infer(inputs, { parts }) {
    const [M, N] = matrixOf(inputs.x) ?? [0, 0];
    const [y0, y1 = null, y2 = null, y3 = null] = parts.map(({ width }) => f32Spec([M, width]));
    if (!isActivation(inputs.x) || y0 === undefined || M === 0 || !areDisjoint(parts, N))
      throw misfit('split', inputs, `x f32|f16[M, N] with one to four disjoint ranges of columns, not ${written(parts)}`);
    return { y0, y1, y2, y3 };
  },
  gradient(builder, { inputs: { x }, attrs: { parts } }, { y0, y1, y2, y3 }, wanted) {
    const given = [y0, y1, y2, y3].flatMap((value, i) => (value === null ? [] : [{ value, offset: parts[i]?.offset ?? 0 }]));
    return { x: wanted.x ? place(builder, given, x.shape[1] ?? 0) : null };
  },
  twin({ x }, { parts }) {
    const [y0, y1 = null, y2 = null, y3 = null] = parts.map(({ offset, width }) => tf.slice(x, [0, offset], [-1, width]));
    if (y0 === undefined) throw internal('split into no parts');
    return { y0, y1, y2, y3 };
  },
  f16: ({ inputs: { x } }, { parts }) => ({
    inputs: ['x'],
    outputs: areVectors(parts, x.shape[1] ?? 0) ? ['y0', 'y1', 'y2', 'y3'] : [],
  }),
  cost: ({ outputs: { y0, y1, y2, y3 } }) => ({ flops: 0, bytes: 2 * bytesOfParts([y0, y1, y2, y3]) }),
  launch({ inputs: { x }, outputs: { y0, y1, y2, y3 } }, { parts }, target) {
    const dispatches = [y0, y1, y2, y3].flatMap((y, i) => {
      const { offset = 0, width = 0 } = parts[i] ?? {};
      return y === null ? [] : copy({ x, xStart: offset, y, yStart: 0, width }, target);
    });
    return { scratch: [], dispatches };
  },
  processor({ inputs: { x }, outputs: { y0, y1, y2, y3 } }, { parts }) {
    const work = [y0, y1, y2, y3].flatMap((y, i) => {
      const { offset = 0, width = 0 } = parts[i] ?? {};
      return y === null ? [] : [copyWork({ x, xStart: offset, y, yStart: 0, width })];
    });
    return launchOf(...work);
  },
});

export interface ConcatAttrs {
  /** N, the columns of the result. */
  readonly columns: number;
  /** The first column of each part, in order. */
  readonly offsets: readonly number[];
}

/** y [M, N] with x_i [M, width_i] at the columns from offsets[i] on, and zeros between; f32 or f16. */
export const concatOp = defineOp<ConcatAttrs>()({
  name: 'concat',
  inputs: ['x0', 'x1?', 'x2?', 'x3?'],
  outputs: ['y'],
  infer(inputs, attrs) {
    const [M = 0] = inputs.x0.shape;
    const given = present(inputs);
    const parts = partsOf(given, attrs);
    const fit = given.every((spec) => isActivation(spec) && matrixOf(spec)?.[0] === M) && given.length === attrs.offsets.length;
    if (!fit || M === 0 || !areDisjoint(parts, attrs.columns))
      throw misfit('concat', inputs, `f32|f16[M, …] at disjoint columns of ${attrs.columns}, not ${written(parts)}`);
    return { y: f32Spec([M, attrs.columns]) };
  },
  gradient(builder, { inputs, attrs }, { y: dy }, wanted) {
    const parts = partsOf(present(inputs), attrs);
    const flags = [wanted.x0, wanted.x1, wanted.x2, wanted.x3];
    const found = takeColumns(
      builder,
      dy,
      parts.filter((_, i) => flags[i]),
    );
    const gradientOf = (i: number) => (flags[i] === true ? (found[flags.slice(0, i).filter(Boolean).length] ?? null) : null);
    return { x0: gradientOf(0), x1: gradientOf(1), x2: gradientOf(2), x3: gradientOf(3) };
  },
  twin(inputs, attrs) {
    const given = present(inputs);
    const [M = 0] = inputs.x0.shape;
    const pieces = layout(partsOf(given, attrs), attrs.columns).map(({ part, width }) => given[part] ?? tf.zeros([M, width]));
    return { y: tf.concat(pieces, 1) };
  },
  f16: ({ inputs }, attrs) => ({
    inputs: ['x0', 'x1', 'x2', 'x3'],
    outputs: areVectors(partsOf(present(inputs), attrs), attrs.columns) ? ['y'] : [],
  }),
  cost: ({ inputs, outputs: { y } }) => ({ flops: 0, bytes: bytesOfParts(present(inputs)) + specBytes(y) }),
  launch({ inputs, outputs: { y } }, attrs, target) {
    const given = present(inputs);
    const pieces = layout(partsOf(given, attrs), attrs.columns);
    const dispatches = pieces.flatMap(({ part, offset, width }) =>
      copy({ x: given[part] ?? null, xStart: 0, y, yStart: offset, width }, target),
    );
    return { scratch: [], dispatches };
  },
  processor({ inputs, outputs: { y } }, attrs) {
    const given = present(inputs);
    const pieces = layout(partsOf(given, attrs), attrs.columns);
    const work = pieces.map(({ part, offset, width }) =>
      copyWork({ x: given[part] ?? null, xStart: 0, y, yStart: offset, width }),
    );
    return launchOf(...work);
  },
});

/** The columns of x [M, N] in consecutive ranges of these widths (one to four), which together have N columns. */
export function split<const W extends readonly number[]>(
  builder: Builder,
  x: Value,
  widths: W,
): { readonly [K in keyof W]: Value } {
  const total = widths.reduce((sum, width) => sum + width, 0);
  if (total !== x.shape[1]) throw internal(`split of ${x.shape.join('x')} into widths ${widths.join(', ')}`);
  return takeColumns(builder, x, consecutive(widths)) as { readonly [K in keyof W]: Value };
}

/** Columns `offset` to `offset + width` of x [M, N]. To take several ranges of one matrix, use `split`, whose gradient is one matrix. */
export function slice(builder: Builder, x: Value, offset: number, width: number): Value {
  return builder.apply(splitOp, { x }, { parts: [{ offset, width }] }).y0;
}

/** One to four matrices [M, …] side by side. */
export function concat(builder: Builder, values: readonly Value[]): Value {
  const parts = consecutive(values.map(({ shape }) => shape[1] ?? 0));
  const columns = parts.reduce((sum, { width }) => sum + width, 0);
  return place(
    builder,
    values.map((value, i) => ({ value, offset: parts[i]?.offset ?? 0 })),
    columns,
  );
}

function takeColumns(builder: Builder, x: Value, parts: readonly Columns[]): readonly Value[] {
  if (parts.length === 0) return [];
  const { y0, y1, y2, y3 } = builder.apply(splitOp, { x }, { parts });
  return [y0, y1, y2, y3].filter((value) => value !== null);
}

/** A matrix of `columns` columns that holds `given` at their offsets, and zeros elsewhere. */
function place(builder: Builder, given: readonly { readonly value: Value; readonly offset: number }[], columns: number): Value {
  const [x0, x1 = null, x2 = null, x3 = null, ...more] = given.map(({ value }) => value);
  if (x0 === undefined || more.length > 0) throw internal(`concat of ${given.length} matrices; expected one to four`);
  return builder.apply(concatOp, { x0, x1, x2, x3 }, { columns, offsets: given.map(({ offset }) => offset) }).y;
}

function consecutive(widths: readonly number[]): readonly Columns[] {
  return widths.map((width, i) => ({ offset: widths.slice(0, i).reduce((sum, before) => sum + before, 0), width }));
}

/** The inputs of concat that are there. */
function present<T>({ x0, x1, x2, x3 }: { x0: T; x1: T | null; x2: T | null; x3: T | null }): readonly T[] {
  return [x0, x1, x2, x3].filter((x) => x !== null);
}

function partsOf(given: readonly Pick<Spec, 'shape'>[], { offsets }: ConcatAttrs): readonly Columns[] {
  return given.map(({ shape }, i) => ({ offset: offsets[i] ?? 0, width: shape[1] ?? 0 }));
}

/** One to four ranges of columns below `columns`, none empty, each after the one before. */
function areDisjoint(parts: readonly Columns[], columns: number): boolean {
  const ends = parts.map(({ offset, width }) => offset + width);
  const ordered = parts.every(({ offset, width }, i) => width > 0 && offset >= (ends[i - 1] ?? 0));
  return ordered && parts.length >= 1 && parts.length <= 4 && (ends.at(-1) ?? 0) <= columns;
}

function areVectors(parts: readonly Columns[], columns: number): boolean {
  return [columns, ...parts.flatMap(({ offset, width }) => [offset, width])].every((size) => size % 4 === 0);
}

function written(parts: readonly Columns[]): string {
  return parts.map(({ offset, width }) => `${offset} to ${offset + width}`).join(', ') || 'none';
}

function bytesOfParts(parts: readonly (Spec | null)[]): number {
  return parts.reduce((sum, spec) => sum + (spec === null ? 0 : specBytes(spec)), 0);
}

/** All columns of a concatenation in order: its parts by index, and the gaps between as part −1. */
function layout(parts: readonly Columns[], columns: number): readonly (Columns & { readonly part: number })[] {
  const pieces = parts.flatMap(({ offset, width }, part) => {
    const before = parts[part - 1];
    const end = before === undefined ? 0 : before.offset + before.width;
    return [
      { part: -1, offset: end, width: offset - end },
      { part, offset, width },
    ];
  });
  const last = parts.at(-1);
  const end = last === undefined ? 0 : last.offset + last.width;
  return [...pieces, { part: -1, offset: end, width: columns - end }].filter(({ width }) => width > 0);
}

/** `width` columns of x, or zeros, and where they start in x and y. */
interface Copy {
  readonly x: Operand | null;
  readonly xStart: number;
  readonly y: Operand;
  readonly yStart: number;
  readonly width: number;
}

function copyWork({ x, xStart, y, yStart, width }: Copy): Work {
  const [rows = 0, columns = 0] = y.shape;
  return perRows('copy_columns', rows, width, [optional(x), x?.shape[1] ?? 0, xStart, optional(y), columns, yStart, width]);
}

function copy({ x, xStart, y, yStart, width }: Copy, { maxBindingBytes }: Target): readonly Dispatch[] {
  const [rows = 0, yColumns = 0] = y.shape;
  const xColumns = x?.shape[1] ?? 0;
  const VECTOR = [xColumns, xStart, yColumns, yStart, width].every((size) => size % 4 === 0);
  const unit = VECTOR ? 4 : 1;
  const sizes = { WIDTH: width / unit, X_STRIDE: xColumns / unit, X_START: xStart / unit };
  const ySizes = { Y_STRIDE: yColumns / unit, Y_START: yStart / unit };
  return rowRanges(rows, 4 * Math.max(xColumns, yColumns), maxBindingBytes).map((range) => {
    const COUNT = (range.count * width) / unit;
    const { workgroups, stride } = linearGrid(COUNT, 256);
    const constants = { VECTOR, COPY: x !== null, COUNT, GRID: stride, ...sizes, ...ySizes };
    const bindings = [bindRange(write(y), range, 4 * yColumns), ...(x === null ? [] : [bindRange(read(x), range, 4 * xColumns)])];
    return { shader: specialise('columns', withTensors(source, bindings, constants), 'main', constants), workgroups, bindings };
  });
}
