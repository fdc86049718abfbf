/**
 * Quantised storage of a matrix [rows, columns]: 8 or 4 bits a number, in blocks of 64 neighbours of a row, each with a scale.
 * When 64 does not divide the columns, the last block of every row is shorter. Blocks are numbered row after row.
 *
 * One buffer holds two regions, all in little-endian 32-bit words:
 *
 * - Codes, from byte 0: row after row, each row in whole words, the first number in the lowest bits, unused places hold
 *   the code of 0.
 *   q8: four to a word, two's complement, −127 to 127. q4: eight to a word.
 * - Scales, from the next multiple of 256 bytes, so that either region can be bound by itself.
 *   q8: one f32 a block; number = scale·code.
 *   q4: the 16 levels of NF4 as f32; then for each group of 256 consecutive blocks two f32, `low` and `step`; then a byte a
 *   block, made up to whole words. scale = low + step·byte, number = scale·level[code].
 *
 * q4 is the NormalFloat of QLoRA (Dettmers et al., arXiv 2305.14314, appendix E) with its double quantisation, but for two
 * choices of our own: the scales of a group are spread linearly from its smallest to its largest, and rounded up, so that no
 * number lies outside its block's levels. `step` has 16 significant bits, so step·byte is exact and the scale is the same f32
 * whether or not a device fuses the multiply-add.
 */

/** Types that hold matrices only. */
export type QuantisedType = 'q8' | 'q4';

/** Numbers that share a scale. */
export const BLOCK = 64;
/** Blocks whose scales share `low` and `step`. */
export const GROUP = 256;

/** The 16 levels of NF4, f32. */
export const NF4: readonly number[] = [
  -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
  -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
  0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
];

/** Half-way between neighbouring levels, f32. */
export const NF4_MIDPOINTS: readonly number[] = NF4.slice(1).map((level, i) => Math.fround((level + (NF4[i] ?? 0)) / 2));

/** What q8 multiplies the largest number of a block by, and q4 the range of a group's scales: f32, the latter rounded up. */
export const PART_Q8 = Math.fround(1 / 127);
export const PART_Q4 = Math.fround((1 + 2 ** -23) / 255);

/** The code of 0, and of places without a number. */
export const NF4_ZERO = 7;

export interface QuantisedLayout {
  /** Bytes of a row's codes. */
  readonly rowBytes: number;
  /** Blocks of a row. */
  readonly rowBlocks: number;
  /** Groups of the matrix; q4 only has them. */
  readonly groups: number;
  /** Where the scales lie. */
  readonly scales: { readonly offset: number; readonly size: number };
  /** Bytes of the whole buffer. */
  readonly bytes: number;
}

export function isQuantised(dtype: string): dtype is QuantisedType {
  return dtype === 'q8' || dtype === 'q4';
}

/** Where everything lies in the buffer of a quantised matrix. */
export function quantisedLayout(dtype: QuantisedType, rows: number, columns: number): QuantisedLayout {
  const rowBytes = 4 * Math.ceil(columns / (dtype === 'q8' ? 4 : 8));
  const rowBlocks = Math.ceil(columns / BLOCK);
  const blocks = rows * rowBlocks;
  const groups = Math.ceil(blocks / GROUP);
  const offset = 256 * Math.ceil((rows * rowBytes) / 256);
  const size = dtype === 'q8' ? 4 * blocks : 4 * NF4.length + 8 * groups + 4 * Math.ceil(blocks / 4);
  return { rowBytes, rowBlocks, groups, scales: { offset, size }, bytes: offset + size };
}
