/**
 * Counter-based random numbers: a pure function of (seed, step, stream, index), so that any number can be recomputed.
 * The generator is PCG4D (Jarzynski and Olano, "Hash Functions for GPU Rendering", JCGT 9(3), 2020): 32-bit integer
 * arithmetic only, so `kernels/lib/random.wgsl` gives the same bits.
 */

/** Independent streams of random numbers. The values are part of the checkpoint format and must not change. */
export const STREAM = {
  shuffle: 1,
  adapterInit: 2,
  sample: 3,
  split: 4,
  shuffleRows: 5,
  measure: 6,
  balance: 7,
  augment: 8,
  write: 9,
  noise: 10,
  shots: 11,
  replay: 20,
  dare: 21,
  prompts: 30,
  answers: 31,
  mixture: 32,
  teach: 40,
  dropout: 1024,
} as const;

/** 32 random bits (as an unsigned number) for the counter (seed, step, stream, index). */
export function randomBits(seed: number, step: number, stream: number, index: number): number {
  let x = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  let y = (Math.imul(step, 1664525) + 1013904223) >>> 0;
  let z = (Math.imul(stream, 1664525) + 1013904223) >>> 0;
  let w = (Math.imul(index, 1664525) + 1013904223) >>> 0;
  for (let round = 0; round < 2; round++) {
    x = (x + Math.imul(y, w)) >>> 0;
    y = (y + Math.imul(z, x)) >>> 0;
    z = (z + Math.imul(x, y)) >>> 0;
    w = (w + Math.imul(y, z)) >>> 0;
    if (round === 1) break;
    x = (x ^ (x >>> 16)) >>> 0;
    y = (y ^ (y >>> 16)) >>> 0;
    z = (z ^ (z >>> 16)) >>> 0;
    w = (w ^ (w >>> 16)) >>> 0;
  }
  return x;
}

/** 32 bits of a name (FNV-1a over its UTF-16 units), to key random numbers by it. */
export function hashOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** A number in [0, 1), a multiple of 2^-24: exact in f32, so comparisons on CPU and GPU agree. */
export function uniform(seed: number, step: number, stream: number, index: number): number {
  return (randomBits(seed, step, stream, index) >>> 8) / 16777216;
}

/** A permutation of 0..count-1 (Fisher-Yates): a pure function of (count, seed, step, stream). */
export function permutation(count: number, seed: number, step: number, stream: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(uniform(seed, step, stream, i) * (i + 1));
    const held = order[i] ?? 0;
    order[i] = order[j] ?? 0;
    order[j] = held;
  }
  return order;
}

/**
 * `length` entries, from entry `from` on, of an endless sequence that goes through 0..count-1 again and again, each time in another order: a
 * pure function of its arguments.
 */
export function inPasses(count: number, from: number, length: number, seed: number, stream: number): Uint32Array {
  const orders = new Map<number, Uint32Array>();
  const orderOf = (pass: number): Uint32Array => {
    const order = orders.get(pass) ?? permutation(count, seed, pass, stream);
    orders.set(pass, order);
    return order;
  };
  return Uint32Array.from({ length }, (_, i) => orderOf(Math.floor((from + i) / count))[(from + i) % count] ?? 0);
}
