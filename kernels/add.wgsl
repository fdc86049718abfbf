// y = a + b, elementwise.
#if VECTOR
alias E = vec4f;
#else
alias E = f32;
#endif

#tensor 0 read a
#tensor 1 read b
#tensor 2 write y

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wid.y * GRID + wid.x) * 256u + lid;
  if (i < COUNT) { put_y(i, a_at(i) + b_at(i)); }
}
