// Rotary position embedding, the rotate_half convention: element i of a head turns together with element i + D/2.
#if VECTOR
alias E = vec4f;
#else
alias E = f32;
#endif

@group(0) @binding(0) var<storage, read> x: array<E>;
@group(0) @binding(1) var<storage, read> positions: array<i32>;
@group(0) @binding(2) var<storage, read_write> y: array<E>;
@group(0) @binding(3) var<storage, read> cosines: array<E>;
@group(0) @binding(4) var<storage, read> sines: array<E>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lid: u32) {
  let index = (wid.y * GRID + wid.x) * 256u + lid;
  if (index >= COUNT) { return; }
  let head = index / HALF;
  let i = index % HALF;
  let entry = u32(positions[head / HEADS]) * HALF + i;
  let c = cosines[entry];
#if INVERSE
  let s = -sines[entry];
#else
  let s = sines[entry];
#endif
  let at = head * 2u * HALF + i;
  let a = x[at];
  let b = x[at + HALF];
  y[at] = a * c - b * s;
  y[at + HALF] = b * c + a * s;
}
