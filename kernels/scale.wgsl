// y = x·s[0], elementwise.
#if VECTOR
alias E = vec4f;
#else
alias E = f32;
#endif

#tensor 0 read x
#tensor 1 write y
@group(0) @binding(2) var<storage, read> s: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wid.y * GRID + wid.x) * 256u + lid;
  if (i < COUNT) { put_y(i, x_at(i) * s[0]); }
}
