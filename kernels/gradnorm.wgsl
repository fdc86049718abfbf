// The L2 norm of a vector in two stages of fixed order: each workgroup sums squares, then one workgroup sums those sums.
#if VECTOR
alias E = vec4f;

fn squares(v: E) -> f32 { return dot(v, v); }
#else
alias E = f32;

fn squares(v: E) -> f32 { return v * v; }
#endif

@group(0) @binding(0) var<storage, read> g: array<E>;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;

@compute @workgroup_size(256)
fn square_sums(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lid: u32) {
  var total = 0.0;
  for (var i = wid.x * 256u + lid; i < COUNT; i += GROUPS * 256u) { total += squares(g[i]); }
  total = lane_sum(total, lid);
  if (lid == 0u) { sums[FIRST_GROUP + wid.x] = total; }
}

@group(0) @binding(0) var<storage, read> all_sums: array<f32>;
@group(0) @binding(1) var<storage, read_write> norm: array<f32>;
#if SCALED
@group(0) @binding(2) var<storage, read> scale: array<u32, 1>;

// Multiplies by 1/scale. The scale is a power of two, so negating its exponent is exact; a division may be off by 2.5 ULP.
fn unscaled(total: f32) -> f32 { return total * bitcast<f32>(0x7f000000u - scale[0]); }
#else
fn unscaled(total: f32) -> f32 { return total; }
#endif

@compute @workgroup_size(256)
fn total_norm(@builtin(local_invocation_index) lid: u32) {
  var total = 0.0;
  for (var i = lid; i < GROUPS; i += 256u) { total += all_sums[i]; }
  total = lane_sum(total, lid);
  if (lid == 0u) { norm[0] = unscaled(sqrt(total)); }
}
