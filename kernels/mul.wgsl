// y = a·b, elementwise. BY_COLUMN: b has COLUMNS elements, one for each column of a.
#if VECTOR
alias E = vec4f;
#else
alias E = f32;
#endif

#tensor 0 read a
#tensor 1 write y
#if BY_COLUMN
@group(0) @binding(2) var<storage, read> b: array<f32>;

#if VECTOR
fn b_at(i: u32) -> E {
  let k = FIRST + 4u * i;
  return vec4f(b[k % COLUMNS], b[(k + 1u) % COLUMNS], b[(k + 2u) % COLUMNS], b[(k + 3u) % COLUMNS]);
}
#else
fn b_at(i: u32) -> E { return b[(FIRST + i) % COLUMNS]; }
#endif
#else
#tensor 2 read b
#endif

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wid.y * GRID + wid.x) * 256u + lid;
  if (i < COUNT) { put_y(i, a_at(i) * b_at(i)); }
}
