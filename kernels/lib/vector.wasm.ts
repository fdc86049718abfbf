/** Vectors of four f32: multiply-add, conversion from and to f16, sums and the exponential function. */

/** a·b + c, rounded once where the build has relaxed SIMD, else twice. */
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** Four f16 in the low halves of 32-bit lanes, as f32. The high halves count for nothing. */
export function fromF16(halves: v128): v128 {
  const bits = v128.and(i32x4.shr_s(i32x4.shl(halves, 16), 3), i32x4.splat(0x8fffffff));
  // As f32 these bits are the number times 2⁻¹¹², subnormal numbers included.
  const numbers = f32x4.mul(bits, f32x4.splat(5.192296858534828e33));
  const infinite = f32x4.ge(f32x4.abs(numbers), f32x4.splat(65536));
  return v128.or(numbers, v128.and(infinite, i32x4.splat(0x7f800000)));
}

/** The f16 nearest to a number, ties to even, as an unsigned integer. */
export function toF16(x: f32): u32 {
  const bits = reinterpret<u32>(x);
  const sign = (bits >> 16) & 0x8000;
  const size = bits & 0x7fffffff;
  if (size > 0x7f800000) return sign | 0x7e00;
  if (size >= 0x477ff000) return sign | 0x7c00;
  if (size >= 0x38800000) return sign | ((size - (112 << 23) + 0xfff + ((size >> 13) & 1)) >> 13);
  // Subnormal: the addition rounds to multiples of 2⁻²⁴.
  return sign | (reinterpret<u32>(reinterpret<f32>(size) + 0.5) - reinterpret<u32>(<f32>0.5));
}

/** One f16 as f32. */
export function scalarFromF16(half: u32): f32 {
  return f32x4.extract_lane(fromF16(i32x4.splat(half)), 0);
}

export function sumOf(x: v128): f32 {
  return f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 1) + (f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3));
}

export function largestOf(x: v128): f32 {
  return max(max(f32x4.extract_lane(x, 0), f32x4.extract_lane(x, 1)), max(f32x4.extract_lane(x, 2), f32x4.extract_lane(x, 3)));
}

/**
 * eˣ of four numbers, 0 below −87.3 and +∞ above 88.7. x = n·ln 2 + r, and a polynomial in r (coefficients of Cephes's expf). The
 * relative error is below 2⁻²³.
 */
export function exp4(x: v128): v128 {
  const n = f32x4.nearest(f32x4.mul(x, f32x4.splat(1.44269504088896341)));
  const high = madd(n, f32x4.splat(-0.693359375), x);
  const r = madd(n, f32x4.splat(2.1219444e-4), high);
  let p = f32x4.splat(1.98756915e-4);
  p = madd(p, r, f32x4.splat(1.3981999507e-3));
  p = madd(p, r, f32x4.splat(8.3334519073e-3));
  p = madd(p, r, f32x4.splat(4.1665795894e-2));
  p = madd(p, r, f32x4.splat(1.6666665459e-1));
  p = madd(p, r, f32x4.splat(5.0000001201e-1));
  p = madd(p, f32x4.mul(r, r), f32x4.add(r, f32x4.splat(1)));
  // 2ⁿ in two factors, because 2¹²⁸ is no f32.
  const whole = i32x4.trunc_sat_f32x4_s(n);
  const half = i32x4.shr_s(whole, 1);
  const first = i32x4.shl(i32x4.add(half, i32x4.splat(127)), 23);
  const second = i32x4.shl(i32x4.add(i32x4.sub(whole, half), i32x4.splat(127)), 23);
  const power = f32x4.mul(f32x4.mul(p, first), second);
  const below = f32x4.lt(x, f32x4.splat(-87.3));
  const above = f32x4.gt(x, f32x4.splat(88.72));
  return v128.bitselect(f32x4.splat(Infinity), v128.andnot(power, below), above);
}

export function exp1(x: f32): f32 {
  return f32x4.extract_lane(exp4(f32x4.splat(x)), 0);
}

/** 1/(1 + e⁻ˣ). */
export function sigmoid4(x: v128): v128 {
  const one = f32x4.splat(1);
  return f32x4.div(one, f32x4.add(one, exp4(f32x4.neg(x))));
}

/** tanh x: a polynomial near 0 (coefficients of Cephes's tanhf), else 1 − 2/(e²ˣ + 1). */
export function tanh4(x: v128): v128 {
  const size = f32x4.abs(x);
  const square = f32x4.mul(x, x);
  let p = f32x4.splat(-5.70498872745e-3);
  p = madd(p, square, f32x4.splat(2.06390887954e-2));
  p = madd(p, square, f32x4.splat(-5.37397155531e-2));
  p = madd(p, square, f32x4.splat(1.33314422036e-1));
  p = madd(p, square, f32x4.splat(-3.33332819422e-1));
  const near = madd(f32x4.mul(p, square), x, x);
  const one = f32x4.splat(1);
  const power = exp4(f32x4.add(size, size));
  const far = f32x4.sub(one, f32x4.div(f32x4.splat(2), f32x4.add(power, one)));
  const signed = v128.or(far, v128.and(x, f32x4.splat(-0)));
  return v128.bitselect(near, signed, f32x4.lt(size, f32x4.splat(0.625)));
}

/** ln x of positive numbers (coefficients of Cephes's logf). */
export function log4(x: v128): v128 {
  // A subnormal number is multiplied by 2²⁴ first.
  const tiny = f32x4.lt(x, f32x4.splat(1.17549435e-38));
  const scaled = v128.bitselect(f32x4.mul(x, f32x4.splat(16777216)), x, tiny);
  const exponent = i32x4.sub(i32x4.shr_u(scaled, 23), v128.bitselect(i32x4.splat(150), i32x4.splat(126), tiny));
  let m: v128 = v128.or(v128.and(scaled, i32x4.splat(0x007fffff)), f32x4.splat(0.5));
  const small = f32x4.lt(m, f32x4.splat(0.707106781));
  const e = f32x4.convert_i32x4_s(i32x4.add(exponent, small));
  m = f32x4.sub(f32x4.add(m, v128.and(m, small)), f32x4.splat(1));
  const square = f32x4.mul(m, m);
  let p = f32x4.splat(7.0376836292e-2);
  p = madd(p, m, f32x4.splat(-1.151461031e-1));
  p = madd(p, m, f32x4.splat(1.167699874e-1));
  p = madd(p, m, f32x4.splat(-1.2420140846e-1));
  p = madd(p, m, f32x4.splat(1.4249322787e-1));
  p = madd(p, m, f32x4.splat(-1.6668057665e-1));
  p = madd(p, m, f32x4.splat(2.0000714765e-1));
  p = madd(p, m, f32x4.splat(-2.4999993993e-1));
  p = madd(p, m, f32x4.splat(3.3333331174e-1));
  let y = f32x4.mul(f32x4.mul(p, m), square);
  y = madd(e, f32x4.splat(-2.1219444e-4), y);
  y = madd(square, f32x4.splat(-0.5), y);
  const result = madd(e, f32x4.splat(0.693359375), f32x4.add(m, y));
  const infinite = f32x4.eq(x, f32x4.splat(Infinity));
  const zero = f32x4.eq(x, f32x4.splat(0));
  return v128.bitselect(f32x4.splat(-Infinity), v128.bitselect(x, result, infinite), zero);
}

export function log1(x: f32): f32 {
  return f32x4.extract_lane(log4(f32x4.splat(x)), 0);
}
