/**
 * Quantises a matrix; see src/core/quantised.ts for the layout and for the scales of q4. A unit of work is a group of 256 blocks. Codes
 * are decided by comparing products, as in quantise.wgsl, so that they are the same as those of other devices.
 */

import { scalarFromF16 } from './lib/vector.wasm';

const BLOCK: i32 = 64;
const GROUP: i32 = 256;

@unmanaged
class Quantise {
  w: usize;
  f16: i32;
  four: i32;
  codes: usize;
  scales: usize;
  rows: i32;
  columns: i32;
  /** The factor of `PART_Q8` or `PART_Q4`. */
  part: f32;
  /** The code of 0. */
  empty: i32;
  /** The levels of NF4, and the midpoints between them. */
  levels: usize;
  midpoints: usize;
}

export function quantise(args: Quantise, from: i32, to: i32, _thread: i32): void {
  for (let group = from; group < to; group++) {
    if (args.four) quantiseGroup(args, group);
    else
      for (let i: i32 = 0; i < GROUP; i++) {
        const block = group * GROUP + i;
        if (block >= blocksOf(args)) return;
        const scale = largestOf(args, block) * args.part;
        store<f32>(args.scales + ((<usize>block) << 2), scale);
        storeCodes(args, block, scale);
      }
  }
}

/** A group in q4: its scales are bytes between the smallest and the largest one. */
function quantiseGroup(args: Quantise, group: i32): void {
  const first = group * GROUP;
  const end = min(first + GROUP, blocksOf(args));
  let low = f32.MAX_VALUE;
  let high: f32 = 0;
  for (let block = first; block < end; block++) {
    const largest = largestOf(args, block);
    low = min(low, largest);
    high = max(high, largest);
  }
  const range = high - low;
  const step: f32 = range == 0 ? 0 : reinterpret<f32>((reinterpret<u32>(range * args.part) + 0x1ff) & 0xffffff00);
  const groups = (blocksOf(args) + GROUP - 1) / GROUP;
  if (group == 0) memory.copy(args.scales, args.levels, 64);
  const place = args.scales + 64 + ((<usize>group) << 3);
  store<f32>(place, low);
  store<f32>(place, step, 4);
  const bytes = args.scales + 64 + ((<usize>groups) << 3);
  for (let block = first; block < end; block++) {
    const byte = byteOf(largestOf(args, block), low, step);
    store<u8>(bytes + block, byte);
    storeCodes(args, block, low + step * <f32>byte);
  }
}

function rowBlocks(args: Quantise): i32 {
  return (args.columns + BLOCK - 1) / BLOCK;
}

function blocksOf(args: Quantise): i32 {
  return args.rows * rowBlocks(args);
}

function numberAt(args: Quantise, row: i32, column: i32): f32 {
  const i = <usize>row * <usize>args.columns + <usize>column;
  return args.f16 ? scalarFromF16(load<u16>(args.w + (i << 1))) : load<f32>(args.w + (i << 2));
}

function largestOf(args: Quantise, block: i32): f32 {
  const row = block / rowBlocks(args);
  const first = (block % rowBlocks(args)) * BLOCK;
  const end = min(first + BLOCK, args.columns);
  let largest: f32 = 0;
  for (let column = first; column < end; column++) largest = max(largest, abs(numberAt(args, row, column)));
  return largest;
}

/** The smallest byte whose scale is at least `largest`. The division may be inexact; the loops correct the result. */
function byteOf(largest: f32, low: f32, step: f32): i32 {
  if (step == 0) return 0;
  let byte = <i32>min(max(ceil((largest - low) / step), <f32>0), <f32>255);
  while (byte < 255 && low + step * <f32>byte < largest) byte++;
  while (byte > 0 && low + step * <f32>(byte - 1) >= largest) byte--;
  return byte;
}

/** The code of the nearest level: the number of midpoints below x/scale. */
function levelOf(args: Quantise, x: f32, scale: f32): i32 {
  let code: i32 = 0;
  for (let i: usize = 0; i < 60; i += 4) if (x > scale * load<f32>(args.midpoints + i)) code++;
  return code;
}

/** The integer nearest to x/scale, in eight bits; of two equally near, the one closer to 0. */
function integerOf(x: f32, scale: f32): i32 {
  if (scale == 0) return 0;
  const size = abs(x);
  let code = <i32>min(nearest(size / scale), <f32>127);
  while (code < 127 && size > scale * (<f32>code + 0.5)) code++;
  while (code > 0 && size <= scale * (<f32>code - 0.5)) code--;
  return x < 0 ? -code & 255 : code;
}

/** Codes of a block in whole words; the last block of a row may be shorter. */
function storeCodes(args: Quantise, block: i32, scale: f32): void {
  const row = block / rowBlocks(args);
  const first = (block % rowBlocks(args)) * BLOCK;
  const perWord = args.four ? 8 : 4;
  const rowWords = (args.columns + perWord - 1) / perWord;
  const end = min(first + BLOCK, args.columns);
  for (let place = first; place < end; place += perWord) {
    let word: u32 = 0;
    for (let c: i32 = 0; c < perWord; c++) {
      let code = args.empty;
      if (place + c < end) {
        const x = numberAt(args, row, place + c);
        code = args.four ? levelOf(args, x, scale) : integerOf(x, scale);
      }
      word |= (<u32>code) << (c * (32 / perWord));
    }
    store<u32>(args.codes + ((<usize>row * <usize>rowWords + <usize>(place / perWord)) << 2), word);
  }
}
