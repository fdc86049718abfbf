/** Conversion of f16 (IEEE 754 binary16) and bf16, as bits in a Uint16Array, to and from f32. Rounds to nearest, ties to even. */

const word = new Float32Array(1);
const wordBits = new Uint32Array(word.buffer);

/** The f16 bits of the f32 with these bits. Overflow gives infinity; NaN stays NaN. */
function encode(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  // 65520 = 2^16 - 2^4 is the midpoint of the largest f16 and 2^16: it and larger numbers round up to infinity.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) return sign | encodeSubnormal(magnitude);
  // Rebias the exponent, then round off 13 bits. A carry into the exponent gives the correct result.
  const rebased = magnitude - 0x38000000;
  return sign | ((rebased + 0xfff + ((rebased >>> 13) & 1)) >>> 13);
}

/** Below 2^-14, f16 has multiples of 2^-24. Adding 0.5 in f32 rounds to such a multiple, the unit in the last place of the sum. */
function encodeSubnormal(magnitude: number): number {
  wordBits[0] = magnitude;
  word[0] = (word[0] ?? 0) + 0.5;
  return wordBits[0] - 0x3f000000;
}

function decode(f16: number): number {
  const sign = f16 & 0x8000 ? -1 : 1;
  const exponent = (f16 >>> 10) & 31;
  const fraction = f16 & 0x3ff;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Both formats have 65,536 values. A table of all of them is the fastest conversion available in every browser. */
const TABLE = 65536;
let f32OfF16: Float32Array | null = null;
let f16OfBf16: Uint16Array | null = null;

/** f16 bits to f32, exact. Writes into `out` when given; it must be as long as `bits`. */
export function f16ToF32(bits: Uint16Array, out = new Float32Array(bits.length)): Float32Array<ArrayBuffer> {
  const table = (f32OfF16 ??= Float32Array.from({ length: TABLE }, (_, f16) => decode(f16)));
  for (let i = 0; i < bits.length; i++) out[i] = table[bits[i] ?? 0] ?? 0;
  return out;
}

/** f32 to f16 bits. */
export function f32ToF16(values: Float32Array, out = new Uint16Array(values.length)): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < bits.length; i++) out[i] = encode(bits[i] ?? 0);
  return out;
}

/** bf16 bits to f32, exact: a bf16 is the upper half of an f32. */
export function bf16ToF32(bits: Uint16Array, out = new Float32Array(bits.length)): Float32Array<ArrayBuffer> {
  const words = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < bits.length; i++) words[i] = (bits[i] ?? 0) << 16;
  return out;
}

/** f32 to bf16 bits. Overflow gives infinity; NaN stays NaN. */
export function f32ToBf16(values: Float32Array, out = new Uint16Array(values.length)): Uint16Array<ArrayBuffer> {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < words.length; i++) {
    const bits = words[i] ?? 0;
    const isNaN = (bits & 0x7fffffff) > 0x7f800000;
    out[i] = isNaN ? (bits >>> 16) | 0x40 : (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
  }
  return out;
}

/**
 * bf16 bits to f16 bits. Exact where 2^-17 ≤ |x| < 65520 (8 significant bits fit); smaller numbers are rounded to a multiple of
 * 2^-24, larger ones become infinite.
 */
export function bf16ToF16(bits: Uint16Array, out = new Uint16Array(bits.length)): Uint16Array<ArrayBuffer> {
  const table = (f16OfBf16 ??= Uint16Array.from({ length: TABLE }, (_, bf16) => encode((bf16 << 16) >>> 0)));
  for (let i = 0; i < bits.length; i++) out[i] = table[bits[i] ?? 0] ?? 0;
  return out;
}

/** The number nearest to `x` that f16 has. */
export function roundToF16(x: number): number {
  return f16ToF32(f32ToF16(Float32Array.of(x)))[0] ?? 0;
}

/** The number nearest to `x` that bf16 has, ties to even. */
export function roundToBf16(x: number): number {
  wordBits[0] = 0;
  word[0] = x;
  const bits = wordBits[0];
  wordBits[0] = (bits + 0x7fff + ((bits >>> 16) & 1)) & 0xffff0000;
  return word[0];
}
