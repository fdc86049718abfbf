/** Elementwise kernels: a unit of work is `UNIT` consecutive elements. */

/** The same as `UNIT` in processor.ts; a multiple of four. */
export const UNIT: i32 = 8192;

/** Four elements from `i` on. Those beyond the end of a buffer are undefined. */
export function load4(base: usize, i: i32): v128 {
  return v128.load(base + ((<usize>i) << 2));
}

export function load1(base: usize, i: i32): f32 {
  return load<f32>(base + ((<usize>i) << 2));
}

/** Stores the elements i to i + 3 that are before `end`. */
export function put(base: usize, i: i32, end: i32, x: v128): void {
  const at = base + ((<usize>i) << 2);
  if (i + 4 <= end) {
    v128.store(at, x);
    return;
  }
  store<f32>(at, f32x4.extract_lane(x, 0));
  if (i + 1 < end) store<f32>(at, f32x4.extract_lane(x, 1), 4);
  if (i + 2 < end) store<f32>(at, f32x4.extract_lane(x, 2), 8);
}

/** `x` with 0 for the elements i to i + 3 that are not before `end`. */
export function before(x: v128, i: i32, end: i32): v128 {
  if (i + 4 <= end) return x;
  const indices = i32x4.add(i32x4.splat(i), i32x4(0, 1, 2, 3));
  return v128.and(x, i32x4.lt_s(indices, i32x4.splat(end)));
}
