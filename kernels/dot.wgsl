// Σ x·w in two stages of fixed order: each of GROUPS workgroups sums products into `sums` from FIRST_GROUP on, then one sums those.
// A single workgroup needs no second stage.
#if PRODUCTS
#if VECTOR
alias E = vec4f;

fn product(i: u32) -> f32 { return dot(x[i], w[i]); }
#else
alias E = f32;

fn product(i: u32) -> f32 { return x[i] * w[i]; }
#endif

@group(0) @binding(0) var<storage, read_write> sums: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<E>;
@group(0) @binding(2) var<storage, read> w: array<E>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lid: u32) {
  var total = 0.0;
  for (var i = wid.x * 256u + lid; i < COUNT; i += GROUPS * 256u) { total += product(i); }
  total = lane_sum(total, lid);
  if (lid == 0u) { sums[FIRST_GROUP + wid.x] = total; }
}
#else
@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<storage, read> sums: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) lid: u32) {
  var total = 0.0;
  for (var i = lid; i < GROUPS; i += 256u) { total += sums[i]; }
  total = lane_sum(total, lid);
  if (lid == 0u) { y[0] = total; }
}
#endif
