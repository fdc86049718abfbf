// y = silu(gate)·up, and its gradient (BACKWARD).
#if VECTOR
alias E = vec4f;
#else
alias E = f32;
#endif

@group(0) @binding(0) var<storage, read> gate: array<E>;
@group(0) @binding(1) var<storage, read> up: array<E>;
#if BACKWARD
@group(0) @binding(2) var<storage, read> dy: array<E>;
@group(0) @binding(3) var<storage, read_write> dgate: array<E>;
@group(0) @binding(4) var<storage, read_write> dup: array<E>;
#else
@group(0) @binding(2) var<storage, read_write> y: array<E>;
#endif

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wid.y * GRID + wid.x) * 256u + lid;
  if (i >= COUNT) { return; }
  let g = gate[i];
  // exp of a non-positive number only: WGSL promises nothing about infinities.
  let e = exp(-abs(g));
  let larger = 1.0 / (1.0 + e);
  let smaller = e * larger;
  let sigmoid = select(smaller, larger, g >= E(0.0));
#if BACKWARD
  let complement = select(larger, smaller, g >= E(0.0));
  dgate[i] = dy[i] * up[i] * sigmoid * (1.0 + g * complement);
  dup[i] = dy[i] * g * sigmoid;
#else
  y[i] = g * sigmoid * up[i];
#endif
}
