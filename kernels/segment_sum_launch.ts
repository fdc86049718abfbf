/** The dispatches of `segment_sum`: zeros, then for each range of rows the links between rows of one segment, and their sums. */

import { specialise } from '../src/gpu/shader';
import { bindRange, rowRanges, type ItemRange } from './lib/binding-ranges';
import { linearGrid, read, readScratch, write, writeScratch } from './lib/launch';
import { withTensors } from './lib/tensors';
import type { Dispatch, Launch, Operand, Target } from './op';
import source from './segment_sum.wgsl?raw';

interface Operands {
  readonly x: Operand;
  readonly segments: Operand;
  readonly y: Operand;
}

/** Sums of a later range of x are added to those of the earlier ranges, so that the order of the sum is fixed. */
export function segmentSumLaunch(operands: Operands, { maxBindingBytes }: Target): Launch {
  const [rows = 0, width = 0] = operands.x.shape;
  const ranges = rowRanges(rows, 4 * width, maxBindingBytes);
  const results = rowRanges(operands.y.shape[0] ?? 0, 4 * width, maxBindingBytes);
  const sums = ranges.flatMap((range) => [link(operands, range), ...results.map((result) => sum(operands, range, result))]);
  const longest = Math.max(...ranges.map(({ count }) => count));
  return { scratch: [8 * longest], dispatches: [...results.map((result) => zero(operands, result)), ...sums] };
}

function sizesOf({ x }: Operands) {
  const [, width = 0] = x.shape;
  const VECTOR = width % 4 === 0;
  return { VECTOR, WIDTH: VECTOR ? width / 4 : width, rowBytes: 4 * width };
}

function zero(operands: Operands, result: ItemRange): Dispatch {
  const { VECTOR, WIDTH, rowBytes } = sizesOf(operands);
  const COUNT = result.count * WIDTH;
  const { workgroups, stride } = linearGrid(COUNT, 256);
  const constants = { VECTOR, ZERO: true, LINK: false, COUNT, GRID: stride };
  const bindings = [bindRange(write(operands.y), result, rowBytes)];
  return {
    shader: specialise('segment_sum zero', withTensors(source, bindings, constants), 'zero', constants),
    workgroups,
    bindings,
  };
}

function link({ segments }: Operands, range: ItemRange): Dispatch {
  const { workgroups, stride } = linearGrid(range.count, 64);
  const constants = { VECTOR: false, ZERO: false, LINK: true, FIRST: range.first, ROWS: range.count, GRID: stride };
  const bindings = [read(segments), writeScratch(0)];
  return {
    shader: specialise('segment_sum link', withTensors(source, bindings, constants), 'link', constants),
    workgroups,
    bindings,
  };
}

function sum(operands: Operands, range: ItemRange, result: ItemRange): Dispatch {
  const { x, segments, y } = operands;
  const { VECTOR, WIDTH, rowBytes } = sizesOf(operands);
  const COUNT = range.count * WIDTH;
  const { workgroups, stride } = linearGrid(COUNT, 256);
  const place = { FIRST: range.first, ROWS: range.count, Y_FIRST: result.first, Y_ROWS: result.count };
  const constants = { VECTOR, ZERO: false, LINK: false, WIDTH, COUNT, GRID: stride, ...place };
  const bindings = [bindRange(read(x), range, rowBytes), read(segments), readScratch(0), bindRange(write(y), result, rowBytes)];
  return { shader: specialise('segment_sum', withTensors(source, bindings, constants), 'sum', constants), workgroups, bindings };
}
