// Copies WIDTH columns of each row of x, from column X_START on, to y from column Y_START on; zeros when there is no x (COPY is false).
// All sizes are in elements E. COUNT is the number of elements that are written.
#if VECTOR
alias E = vec4f;
#else
alias E = f32;
#endif

#tensor 0 write y
#if COPY
#tensor 1 read x
#endif

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let i = (group.y * GRID + group.x) * 256u + thread;
  if (i >= COUNT) { return; }
  let row = i / WIDTH;
  let column = i % WIDTH;
#if COPY
  put_y(row * Y_STRIDE + Y_START + column, x_at(row * X_STRIDE + X_START + column));
#else
  put_y(row * Y_STRIDE + Y_START + column, E());
#endif
}
