// state += x, or SCALED: state += factor[0]·x, elementwise.
#if VECTOR
alias E = vec4f;
#else
alias E = f32;
#endif

@group(0) @binding(0) var<storage, read_write> state: array<E>;
@group(0) @binding(1) var<storage, read> x: array<E>;
#if SCALED
@group(0) @binding(2) var<storage, read> factor: array<f32>;
#endif

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wid.y * GRID + wid.x) * 256u + lid;
  if (i >= COUNT) { return; }
#if SCALED
  state[i] += factor[0] * x[i];
#else
  state[i] += x[i];
#endif
}
