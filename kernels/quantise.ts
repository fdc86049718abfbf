/** Quantises full-precision weights on the device while a model is loaded. */

import { internal } from '../src/core/errors';
import {
  GROUP,
  isQuantised,
  NF4,
  NF4_MIDPOINTS,
  NF4_ZERO,
  PART_Q4,
  PART_Q8,
  quantisedLayout,
  type QuantisedType,
} from '../src/core/quantised';
import { sameShape, sizeOf } from '../src/core/shape';
import { f32, specialise } from '../src/gpu/shader';
import { bytesOf, linearGrid, read, write } from './lib/launch';
import { launchOf, rawPlace } from './lib/processor';
import { describe, matrixOf, misfit } from './lib/rule';
import { unroll } from './lib/unroll';
import { defineOp, type Builder, type Dispatch, type Operand, type Spec, type Value } from './op';
import source from './quantise.wgsl?raw';
import { quantiseTwin } from './quantise_twin';

/** The type of the target. */
export interface QuantiseAttrs {
  readonly dtype: QuantisedType;
}

/** Quantises w (f32 or f16 [N, K]) into `target` (q8 or q4 [N, K]), in place. */
export const quantiseOp = defineOp<QuantiseAttrs>()({
  name: 'quantise',
  inputs: ['target', 'w'],
  outputs: ['target'],
  updates: ['target'],
  infer(inputs, { dtype }) {
    const { target, w } = inputs;
    const typed = target.dtype === dtype && (w.dtype === 'f32' || w.dtype === 'f16');
    if (!typed || matrixOf(w) === null || sizeOf(w.shape) === 0 || !sameShape(target.shape, w.shape))
      throw misfit('quantise', inputs, `a target ${dtype}[N, K] and w f32|f16[N, K]`);
    return { target };
  },
  gradient: null,
  twin: ({ w }, { dtype }) => ({ target: quantiseTwin(w, dtype) }),
  cost: (use) => ({ flops: 20 * sizeOf(use.inputs.w.shape), bytes: bytesOf(use) }),
  launch({ inputs: { w }, outputs: { target } }, { dtype }, { maxBindingBytes }) {
    const [rows, columns] = matrixOf(w) ?? [0, 0];
    const step = rowsPerDispatch(w, rows, columns, maxBindingBytes);
    const starts = Array.from({ length: Math.ceil(rows / step) }, (_, i) => i * step);
    const dispatches = starts.map((first) => quantiseRows(w, target, dtype, first, Math.min(step, rows - first)));
    return { scratch: [], dispatches };
  },
  processor({ inputs: { w }, outputs: { target } }, { dtype }) {
    const [rows, columns] = matrixOf(w) ?? [0, 0];
    const { rowBlocks, scales } = quantisedLayout(dtype, rows, columns);
    const four = dtype === 'q4';
    const numbers = (list: readonly number[]) => list.map((number) => ({ f32: number }));
    const args = [
      ...[rawPlace(w), w.dtype === 'f16', four, rawPlace(target), rawPlace(target, scales.offset), rows, columns],
      ...[{ f32: four ? PART_Q4 : PART_Q8 }, four ? NF4_ZERO : 0, numbers(NF4), numbers(NF4_MIDPOINTS)],
    ];
    return launchOf({ kernel: 'quantise', units: Math.ceil((rows * rowBlocks) / GROUP), args });
  },
});

/** All rows, or as many multiples of 256 rows as fit a binding: 256 rows are whole groups of blocks, and aligned. */
function rowsPerDispatch(w: Spec, rows: number, columns: number, maxBindingBytes: number): number {
  const rowBytes = columns * (w.dtype === 'f16' ? 2 : 4);
  if (rows * rowBytes <= maxBindingBytes) return rows;
  const step = Math.floor(maxBindingBytes / (GROUP * rowBytes)) * GROUP;
  if (step === 0) throw internal(`${GROUP} rows of ${describe(w)} exceed a binding of ${maxBindingBytes} bytes`);
  return step;
}

function quantiseRows(w: Operand, target: Operand, dtype: QuantisedType, first: number, count: number): Dispatch {
  const [rows, columns] = matrixOf(w) ?? [0, 0];
  const { rowBytes, rowBlocks, groups, scales } = quantisedLayout(dtype, rows, columns);
  const GROUPS = Math.ceil((count * rowBlocks) / GROUP);
  const { workgroups, stride } = linearGrid(GROUPS, 1);
  const FOUR = dtype === 'q4';
  const sizes = { ROWS: count, COLUMNS: columns, ROW_BLOCKS: rowBlocks, ROW_WORDS: rowBytes / 4, GROUPS, GRID: stride };
  const position = { FIRST_GROUP: (first * rowBlocks) / GROUP, BYTES: NF4.length + 2 * groups };
  const codes = { FOUR, PER_WORD: FOUR ? 8 : 4, EMPTY: FOUR ? NF4_ZERO : 0, PART: f32(FOUR ? PART_Q4 : PART_Q8) };
  const levels = Object.fromEntries([
    ...NF4.map((level, i) => [`LEVEL_${i}`, f32(level)] as const),
    ...NF4_MIDPOINTS.map((middle, i) => [`MIDPOINT_${i}`, f32(middle)] as const),
  ]);
  const constants = { F16: w.dtype === 'f16', ...sizes, ...position, ...codes, ...(FOUR && levels) };
  const bytes = columns * (w.dtype === 'f16' ? 2 : 4);
  const size = 4 * Math.ceil((count * bytes) / 4);
  return {
    shader: specialise(`quantise ${dtype}`, unroll(source, {}), 'main', constants),
    bindings: [
      read(w, { offset: first * bytes, size }),
      write(target, { offset: first * rowBytes, size: count * rowBytes }),
      write(target, scales),
    ],
    workgroups,
  };
}

/** Quantises w (f32 or f16 [N, K]) into `target` (q8 or q4 [N, K]). */
export function quantise(builder: Builder, target: Value, w: Value): Value {
  if (!isQuantised(target.dtype)) throw internal(`${target.name} is ${target.dtype}, expected q8 or q4`);
  return builder.apply(quantiseOp, { target, w }, { dtype: target.dtype }).target;
}
