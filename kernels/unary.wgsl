// y = f(x), elementwise, for the function that is named by a constant, or its gradient dx = dy·f'(x) (BACKWARD).
// The arguments of exp are never large: WGSL does not define the result of an overflow.
#if VECTOR
alias E = vec4f;
#else
alias E = f32;
#endif

#tensor 0 read x
#if BACKWARD
#tensor 1 read dy
#tensor 2 write dx
#else
#tensor 1 write y
#endif

fn sigmoid(z: E) -> E {
  let e = exp(-abs(z));
  let larger = 1.0 / (1.0 + e);
  return select(e * larger, larger, z >= E(0.0));
}

// The derivative of sigmoid.
fn sigmoid_slope(z: E) -> E {
  let e = exp(-abs(z));
  return e / ((1.0 + e) * (1.0 + e));
}

#if GELU
// The standard normal distribution function. Its tail is exp(−u²/2)·s·polynomial(s) with s = 1/(1 + NORMAL_TAIL_STEP·u); see unary.ts.
fn normal(z: E) -> E {
  let u = min(abs(z), E(14.0));
  let s = 1.0 / (1.0 + NORMAL_TAIL_STEP * u);
  var polynomial = E(NORMAL_TAIL[0]);
#repeat i 8
  polynomial = polynomial * s + NORMAL_TAIL[$i + 1];
#end
  let tail = exp(-0.5 * u * u) * s * polynomial;
  return select(tail, 1.0 - tail, z > E(0.0));
}

fn density(z: E) -> E {
  let u = min(abs(z), E(14.0));
  return 0.3989422804 * exp(-0.5 * u * u);
}

fn value(z: E) -> E { return z * normal(z); }
fn slope(z: E) -> E { return normal(z) + z * density(z); }
#endif

#if GELU_TANH
// √(2/π)
const ROOT = 0.7978845608;

// (1 + tanh(t))/2 = sigmoid(2t). Both ends are saturated far before ±30.
fn inner(z: E) -> E {
  let c = clamp(z, E(-30.0), E(30.0));
  return 2.0 * ROOT * c * (1.0 + 0.044715 * c * c);
}

fn inner_slope(z: E) -> E {
  let c = clamp(z, E(-30.0), E(30.0));
  return 2.0 * ROOT * (1.0 + 0.134145 * c * c);
}

fn value(z: E) -> E { return z * sigmoid(inner(z)); }
fn slope(z: E) -> E { return sigmoid(inner(z)) + z * sigmoid_slope(inner(z)) * inner_slope(z); }
#endif

#if SILU
fn value(z: E) -> E { return z * sigmoid(z); }
fn slope(z: E) -> E { return sigmoid(z) * (1.0 + z * sigmoid(-z)); }
#endif

#if RELU
// NaN stays NaN, which max does not guarantee.
fn value(z: E) -> E { return select(z, E(0.0), z < E(0.0)); }
fn slope(z: E) -> E { return select(E(0.0), E(1.0), z > E(0.0)); }
#endif

#if SIGMOID
fn value(z: E) -> E { return sigmoid(z); }
fn slope(z: E) -> E { return sigmoid_slope(z); }
#endif

#if TANH
fn value(z: E) -> E { return bounded(z); }
fn slope(z: E) -> E { return 4.0 * sigmoid_slope(2.0 * z); }
#endif

#if SOFTCAP
fn value(z: E) -> E { return CAP * bounded(z / CAP); }
fn slope(z: E) -> E { return 4.0 * sigmoid_slope(2.0 * z / CAP); }
#endif

#if EXP
// NaN stays NaN, which min does not guarantee.
fn value(z: E) -> E { return exp(select(z, E(MAX_EXPONENT), z > E(MAX_EXPONENT))); }
fn slope(z: E) -> E { return value(z); }
#endif

#if LOG
fn value(z: E) -> E { return log(z); }
fn slope(z: E) -> E { return 1.0 / z; }
#endif

#if SOFTPLUS
// log(1 + e) = 2·artanh(s) with s = e/(2 + e) ≤ 1/3, by its power series. log(1.0 + e) has no digits of a small e.
fn value(z: E) -> E {
  let e = exp(-abs(z));
  let s = e / (2.0 + e);
  let q = s * s;
  let tail = 1.0 / 9.0 + q * (1.0 / 11.0 + q * (1.0 / 13.0 + q * (1.0 / 15.0)));
  let series = 1.0 + q * (1.0 / 3.0 + q * (1.0 / 5.0 + q * (1.0 / 7.0 + q * tail)));
  return select(z, E(0.0), z < E(0.0)) + 2.0 * s * series;
}
fn slope(z: E) -> E { return sigmoid(z); }
#endif

#if AFFINE
fn value(z: E) -> E { return SCALE * z + SHIFT; }
fn slope(z: E) -> E { return E(SCALE); }
#endif

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wid.y * GRID + wid.x) * 256u + lid;
  if (i >= COUNT) { return; }
#if BACKWARD
  put_dx(i, dy_at(i) * slope(x_at(i)));
#else
  put_y(i, value(x_at(i)));
#endif
}
