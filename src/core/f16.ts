/** IEEE 754 half precision and bfloat16 as bits in a Uint16Array, to and from f32. Rounding is to nearest, ties to even. */

const word = new Float32Array(1);
const wordBits = new Uint32Array(word.buffer);

/** The f16 bits of the f32 with these bits. Overflow gives infinity; NaN stays NaN. */
function encode(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  // 65520 = 2^16 - 2^4 lies half-way between the largest f16 and 2^16: from there on, up.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) return sign | encodeSubnormal(magnitude);
  // Rebias the exponent, then round the 13 bits that go. A carry into the exponent is right as it is.
  const rebased = magnitude - 0x38000000;
  return sign | ((rebased + 0xfff + ((rebased >>> 13) & 1)) >>> 13);
}

/** Below 2^-14 f16 counts in units of 2^-24. Adding 0.5 lets the f32 adder align and round: its last place is then 2^-24. */
function encodeSubnormal(magnitude: number): number {
  wordBits[0] = magnitude;
  word[0] = (word[0] ?? 0) + 0.5;
  return wordBits[0] - 0x3f000000;
}

function decode(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 31;
  const fraction = half & 0x3ff;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Both formats have 65,536 values, so a table of all of them is the fastest way that every browser has. */
const TABLE = 65536;
let halfTable: Float32Array | null = null;
let brainTable: Uint16Array | null = null;

/** f16 bits to f32, exact. Writes into `out` when given; it must be as long as `bits`. */
export function f16ToF32(bits: Uint16Array, out = new Float32Array(bits.length)): Float32Array<ArrayBuffer> {
  const table = (halfTable ??= Float32Array.from({ length: TABLE }, (_, half) => decode(half)));
  for (let i = 0; i < bits.length; i++) out[i] = table[bits[i] ?? 0] ?? 0;
  return out;
}

/** f32 to f16 bits. */
export function f32ToF16(values: Float32Array, out = new Uint16Array(values.length)): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < bits.length; i++) out[i] = encode(bits[i] ?? 0);
  return out;
}

/** bfloat16 bits to f32, exact: the same number with 16 more zero bits. */
export function bf16ToF32(bits: Uint16Array, out = new Float32Array(bits.length)): Float32Array<ArrayBuffer> {
  const words = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < bits.length; i++) words[i] = (bits[i] ?? 0) << 16;
  return out;
}

/**
 * bfloat16 bits to f16 bits. Exact where 2^-17 ≤ |x| < 65520 (8 significant bits always fit); smaller numbers are rounded to a
 * multiple of 2^-24, larger ones become infinite.
 */
export function bf16ToF16(bits: Uint16Array, out = new Uint16Array(bits.length)): Uint16Array<ArrayBuffer> {
  const table = (brainTable ??= Uint16Array.from({ length: TABLE }, (_, brain) => encode((brain << 16) >>> 0)));
  for (let i = 0; i < bits.length; i++) out[i] = table[bits[i] ?? 0] ?? 0;
  return out;
}
