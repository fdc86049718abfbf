/** Ops on runs of items that do not see each other: launch geometry, cut so that every binding fits the device. */

import { specialise, type Constants } from '../../src/gpu/shader';
import { commonDivisor, linearGrid, tooLarge } from './launch';
import type { Binding, Launch, Target } from '../op';
import { withTensors } from './tensors';

/** Items per aligned step: 64 items of any whole number of 32-bit words fill a multiple of 256 bytes. */
const STEP = 64;

export interface Span {
  readonly first: number;
  readonly count: number;
}

/** Items that lie one after the other: what they are, for the error, their number, and the bytes of one in the largest buffer. */
export interface Items {
  readonly what: string;
  readonly count: number;
  readonly bytes: number;
  /** 32-bit words of an item in the smallest buffer that is cut; those of the others are multiples of it. Default 1. */
  readonly words?: number;
}

/** Cuts items into spans that fit a binding and start at multiples of 256 bytes. Throws `gpu/memory` when the least span does not fit. */
export function cuts({ what, count, bytes, words = 1 }: Items, maxBindingBytes: number): readonly Span[] {
  if (count * bytes <= maxBindingBytes) return [{ first: 0, count }];
  const step = STEP / commonDivisor(words, STEP);
  const length = Math.floor(maxBindingBytes / (bytes * step)) * step;
  if (length === 0) throw tooLarge(what, Math.min(step, count) * bytes, maxBindingBytes);
  return Array.from({ length: Math.ceil(count / length) }, (_, i) => ({
    first: i * length,
    count: Math.min(length, count - i * length),
  }));
}

/** `cuts` of rows or elements that have a word each in the smallest buffer. */
export function spans(count: number, itemBytes: number, maxBindingBytes: number): readonly Span[] {
  return cuts({ what: `a tensor of ${count} items of ${itemBytes} bytes`, count, bytes: itemBytes }, maxBindingBytes);
}

/** The part of `binding` that holds `span`, for a buffer with `itemBytes` bytes an item, or half as many where it holds halves. */
export function slice(binding: Binding, span: Span, itemBytes: number): Binding {
  const bytes = binding.half === true ? itemBytes / 2 : itemBytes;
  return { ...binding, range: { offset: span.first * bytes, size: span.count * bytes } };
}

export interface Elementwise {
  readonly label: string;
  readonly source: string;
  readonly size: number;
  /** Buffers of `size` elements: bindings 0, 1, ... Halves only where `size` is a multiple of four. */
  readonly elements: readonly Binding[];
  /** Buffers bound whole, after those. */
  readonly whole?: readonly Binding[];
  readonly constants?: Constants;
}

/**
 * One invocation an element, or for four of them. The shader's constants: VECTOR (elements are vec4), COUNT (elements or
 * vectors of this dispatch), FIRST (index of its first element), GRID (see `linearGrid`, 256 to a workgroup).
 */
export function elementwise(spec: Elementwise, target: Target): Launch {
  const VECTOR = spec.size % 4 === 0;
  const width = VECTOR ? 4 : 1;
  const halves = spec.elements.some(({ half }) => half === true);
  const what = `a tensor of ${spec.size} numbers`;
  const items = { what, count: spec.size / width, bytes: 4 * width, words: halves ? width / 2 : width };
  const parts = cuts(items, target.maxBindingBytes);
  const dispatches = parts.map((span) => {
    const { workgroups, stride } = linearGrid(span.count, 256);
    const constants = { VECTOR, COUNT: span.count, FIRST: width * span.first, GRID: stride, ...spec.constants };
    const elements = parts.length === 1 ? spec.elements : spec.elements.map((binding) => slice(binding, span, 4 * width));
    const bindings = [...elements, ...(spec.whole ?? [])];
    const source = withTensors(spec.source, bindings, constants);
    return { shader: specialise(spec.label, source, 'main', constants), workgroups, bindings };
  });
  return { scratch: [], dispatches };
}
