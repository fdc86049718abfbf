// y[m] = table[ids[m]] for the ids in the bound row block [FIRST, FIRST + ROWS). WIDTH is the row length in elements E.
// A negative id gives a row of zeros. An id past the table reads its last row, so that every row of y is written.
#if VECTOR
alias E = vec4f;
#if F16
alias S = vec2u;
#else
alias S = vec4f;
#endif
#else
alias E = f32;
#if F16
alias S = u32;
#else
alias S = f32;
#endif
#endif

@group(0) @binding(0) var<storage, read> table: array<S>;
@group(0) @binding(1) var<storage, read> ids: array<i32>;
@group(0) @binding(2) var<storage, read_write> y: array<E>;

fn element(i: u32) -> E {
#if F16
#if VECTOR
  let pair = table[i];
  return vec4f(unpack2x16float(pair.x), unpack2x16float(pair.y));
#else
  return unpack2x16float(table[i / 2u])[i % 2u];
#endif
#else
  return table[i];
#endif
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wid.y * GRID + wid.x) * 256u + lid;
  if (i >= COUNT) { return; }
  let id = ids[i / WIDTH];
  if (id < 0) {
    if (FIRST == 0u) { y[i] = E(); }
    return;
  }
  let row = min(u32(id), LAST_ID);
  if (row >= FIRST && row - FIRST < ROWS) { y[i] = element((row - FIRST) * WIDTH + i % WIDTH); }
}
