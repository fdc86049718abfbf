/** Short hashes of texts, so that millions of rows can be compared without keeping them. Not for security. */

/** A key of up to this many characters is kept as it is: it is no longer than its hash. */
const SHORT = 16;

/** Odd multipliers, one for each lane of 32 bits. */
const MULTIPLIERS = [0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f] as const;

/** A text that stands for `key`: 128 bits of it. Two different keys among a hundred million get the same one with a probability below 1e-20. */
export function hashOf(key: string): string {
  if (key.length <= SHORT) return key;
  return `#${MULTIPLIERS.map((multiplier, lane) => hash32(key, lane, multiplier).toString(36)).join('.')}`;
}

/** A hash of 32 bits: multiply and shift for each UTF-16 unit, then the last mixing step of MurmurHash3. The same on every machine. */
export function hash32(text: string, seed: number, multiplier: number = MULTIPLIERS[0]): number {
  let hash = Math.imul(seed ^ text.length, 0x2c1b3c6d);
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), multiplier);
    hash ^= hash >>> 15;
  }
  return mix(hash);
}

/** The finalizer of MurmurHash3: every bit of the input changes half the bits of the result. */
export function mix(bits: number): number {
  let hash = bits ^ (bits >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
