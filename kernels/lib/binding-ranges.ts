/** Splits a buffer of independent items into ranges that fit a storage buffer binding. */

import { commonDivisor, tooLarge } from './launch';
import type { Binding } from '../op';

/** 64 items of a whole number of 32-bit words are a multiple of 256 bytes, WebGPU's largest required binding alignment. */
const ALIGNED_ITEMS = 64;

export interface ItemRange {
  readonly first: number;
  readonly count: number;
}

/** Consecutive items of one or several buffers that are split together. */
export interface Items {
  /** What is split, for the error message. */
  readonly what: string;
  readonly count: number;
  /** Bytes of an item in the largest of the buffers. */
  readonly bytes: number;
  /** 32-bit words of an item in the smallest of the buffers; the other buffers hold multiples of it. Default 1. */
  readonly words?: number;
}

/**
 * Ranges of items that each fit a binding and start at a multiple of 256 bytes in every buffer. One range when everything fits.
 * Throws `gpu/memory` when even the smallest aligned range is too large.
 */
export function itemRanges({ what, count, bytes, words = 1 }: Items, maxBindingBytes: number): readonly ItemRange[] {
  if (count * bytes <= maxBindingBytes) return [{ first: 0, count }];
  const step = ALIGNED_ITEMS / commonDivisor(words, ALIGNED_ITEMS);
  const length = Math.floor(maxBindingBytes / (bytes * step)) * step;
  if (length === 0) throw tooLarge(what, Math.min(step, count) * bytes, maxBindingBytes);
  return Array.from({ length: Math.ceil(count / length) }, (_, i) => ({
    first: i * length,
    count: Math.min(length, count - i * length),
  }));
}

/** `itemRanges` of rows that have at least one word each in every buffer. */
export function rowRanges(count: number, rowBytes: number, maxBindingBytes: number): readonly ItemRange[] {
  return itemRanges({ what: `a tensor of ${count} rows of ${rowBytes} bytes`, count, bytes: rowBytes }, maxBindingBytes);
}

/**
 * `binding` restricted to `range`, which counts from the start of what it binds. `itemBytes` are the bytes of an item in f32; f16 takes
 * half of that.
 */
export function bindRange(binding: Binding, range: ItemRange, itemBytes: number): Binding {
  const bytes = binding.f16 === true ? itemBytes / 2 : itemBytes;
  const start = binding.range?.offset ?? 0;
  return { ...binding, range: { offset: start + range.first * bytes, size: range.count * bytes } };
}
