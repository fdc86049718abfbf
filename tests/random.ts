/** Fast random test data, for tensors of tens of millions of numbers. */

/** Xorshift (Marsaglia 2003): fast enough for tens of millions. */
function randomWords(seed: number): () => number {
  let x = seed;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x >>> 0;
  };
}

/** Numbers in [−1, 1). */
export function randomFloats(length: number, seed: number): Float32Array<ArrayBuffer> {
  const next = randomWords(seed);
  return Float32Array.from({ length }, () => next() / 2 ** 31 - 1);
}

/** f16 numbers in ±[2⁻⁵, 2⁻¹): any sign and fraction, four exponents. */
export function randomHalves(length: number, seed: number): Uint16Array<ArrayBuffer> {
  const next = randomWords(seed);
  const halves = new Uint16Array(length);
  for (let i = 0; i < length; i++) {
    const word = next();
    halves[i] = (word & 0x83ff) | ((10 + ((word >>> 20) & 3)) << 10);
  }
  return halves;
}
