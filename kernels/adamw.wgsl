// One AdamW step in place. When the gradient norm is not finite, the step only clears the gradient.
#if VECTOR
alias E = vec4f;
#else
alias E = f32;
#endif

@group(0) @binding(0) var<storage, read_write> param: array<E>;
@group(0) @binding(1) var<storage, read_write> grad: array<E>;
@group(0) @binding(2) var<storage, read_write> m: array<E>;
@group(0) @binding(3) var<storage, read_write> v: array<E>;
@group(0) @binding(4) var<storage, read> hyper: array<f32>;
// Bound as bits: WGSL implementations may assume that floats are finite and optimise `norm != norm` away.
@group(0) @binding(5) var<storage, read> norm: array<u32, 1>;
#if SCALED
@group(0) @binding(6) var<storage, read> scale: array<u32, 1>;

// Multiplies by 1/scale. The scale is a power of two, so negating its exponent is exact; a division may be off by 2.5 ULP.
fn unscaled(g: E) -> E { return g * bitcast<f32>(0x7f000000u - scale[0]); }
#else
fn unscaled(g: E) -> E { return g; }
#endif

const EXPONENT = 0x7f800000u;

// Start of the hyperparameters of the group that element `at` is in. ENDS are the first elements of the groups after the first.
#if GROUPED
fn hyper_of(at: u32) -> u32 {
  var group = 0u;
  for (var k = 0u; k < GROUPS - 1u; k++) { group = select(group, k + 1u, at >= ENDS[k]); }
  return 8u * group;
}
#else
fn hyper_of(at: u32) -> u32 { return 0u; }
#endif

fn clip_factor() -> f32 {
  let limit = hyper[7];
  return select(1.0, min(1.0, limit / (bitcast<f32>(norm[0]) + 1e-6)), limit > 0.0);
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wid.y * GRID + wid.x) * 256u + lid;
  if (i >= COUNT) { return; }
  if ((norm[0] & EXPONENT) != EXPONENT) {
#if VECTOR
    let h = hyper_of(FIRST + 4u * i);
#else
    let h = hyper_of(FIRST + i);
#endif
    let rate = hyper[h];
    let g = unscaled(grad[i]) * clip_factor();
    let first = m[i] + (g - m[i]) * (1.0 - hyper[h + 1u]);
    let second = v[i] * hyper[h + 2u] + g * g * (1.0 - hyper[h + 2u]);
    let size = sqrt(second) / sqrt(hyper[h + 6u]) + hyper[h + 3u];
    param[i] = param[i] * (1.0 - rate * hyper[h + 4u]) - (rate / hyper[h + 5u]) * (first / size);
    m[i] = first;
    v[i] = second;
  }
  grad[i] = E(0.0);
}
