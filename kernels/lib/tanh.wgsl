// tanh; WGSL's own overflows on some drivers. Near 0, where 1 − exp(−2|z|) has few digits, the first terms of the Taylor series.
fn bounded(z: Bounded) -> Bounded {
  let size = abs(z);
  let e = exp(-2.0 * size);
  let q = z * z;
  let series = size + size * q * (-1.0 / 3.0 + q * (2.0 / 15.0 + q * (-17.0 / 315.0 + q * (62.0 / 2835.0))));
  return sign(z) * select((1.0 - e) / (1.0 + e), series, size < Bounded(0.25));
}
