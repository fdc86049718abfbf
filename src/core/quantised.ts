/**
 * Layout of a quantised matrix [rows, columns]: 8 or 4 bits a number, in blocks of 64 consecutive numbers of a row, each with a
 * scale. When 64 does not divide the columns, the last block of each row is shorter. Blocks are numbered row by row.
 *
 * One buffer has two regions of little-endian 32-bit words:
 *
 * - Codes, from byte 0: row by row, each row in whole words, the first number in the lowest bits; unused positions have the code
 *   of 0.
 *   q8: four to a word, two's complement, −127 to 127. q4: eight to a word.
 * - Scales, from the next multiple of 256 bytes, so that each region can be bound separately.
 *   q8: one f32 a block; number = scale·code.
 *   q4: the 16 levels of NF4 as f32; then for each group of 256 consecutive blocks two f32, `low` and `step`; then one byte a
 *   block, padded to whole words. scale = low + step·byte, number = scale·level[code].
 *
 * q4 is NormalFloat 4 with double quantisation as in QLoRA (Dettmers et al., arXiv 2305.14314, appendix E), with two differences:
 * the scales of a group are quantised linearly between its smallest and its largest, and rounded up, so that every number is
 * within the levels of its block. `step` has 16 significant bits, so step·byte is exact and the scale is the same f32 whether or
 * not a device fuses the multiply-add.
 */

/** Storage types of quantised matrices. */
export type QuantisedType = 'q8' | 'q4';

/** Numbers in a block, which share a scale. */
export const BLOCK = 64;
/** Blocks in a group, whose scales share `low` and `step`. */
export const GROUP = 256;

/** The 16 levels of NF4, f32. */
export const NF4: readonly number[] = [
  -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
  -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
  0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
];

/** Midpoints of neighbouring levels, f32. */
export const NF4_MIDPOINTS: readonly number[] = NF4.slice(1).map((level, i) => Math.fround((level + (NF4[i] ?? 0)) / 2));

/** Factors in f32: of a block's largest number to its scale (q8), and of the range of a group's scales to `step` (q4, rounded up). */
export const PART_Q8 = Math.fround(1 / 127);
export const PART_Q4 = Math.fround((1 + 2 ** -23) / 255);

/** The code of 0, also of unused positions. */
export const NF4_ZERO = 7;

export interface QuantisedLayout {
  /** Bytes of the codes of a row. */
  readonly rowBytes: number;
  /** Blocks of a row. */
  readonly rowBlocks: number;
  /** Groups of the matrix; only q4 uses them. */
  readonly groups: number;
  /** Bytes of the scales. */
  readonly scales: { readonly offset: number; readonly size: number };
  /** Bytes of the whole buffer. */
  readonly bytes: number;
}

export function isQuantised(dtype: string): dtype is QuantisedType {
  return dtype === 'q8' || dtype === 'q4';
}

/** Offsets and sizes in the buffer of a quantised matrix. */
export function quantisedLayout(dtype: QuantisedType, rows: number, columns: number): QuantisedLayout {
  const rowBytes = 4 * Math.ceil(columns / (dtype === 'q8' ? 4 : 8));
  const rowBlocks = Math.ceil(columns / BLOCK);
  const blocks = rows * rowBlocks;
  const groups = Math.ceil(blocks / GROUP);
  const offset = 256 * Math.ceil((rows * rowBytes) / 256);
  const size = dtype === 'q8' ? 4 * blocks : 4 * NF4.length + 8 * groups + 4 * Math.ceil(blocks / 4);
  return { rowBytes, rowBlocks, groups, scales: { offset, size }, bytes: offset + size };
}
