// y[s] = the sum of the rows of x with segment s, in their order, in three passes:
// ZERO fills the bound rows of y with zeros.
// LINK finds for each of the ROWS bound rows of x whether it is the first of its segment (x), and the next row of the segment (y, ROWS
// for none).
// The last pass starts at each first row and adds the rows that follow it; segments are independent, and no two invocations write the
// same element. Rows of x are bound from FIRST on; only segments in [Y_FIRST, Y_FIRST + Y_ROWS) are bound.
#if VECTOR
alias E = vec4f;
#else
alias E = f32;
#endif

#if ZERO
@group(0) @binding(0) var<storage, read_write> y: array<E>;

@compute @workgroup_size(256)
fn zero(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let i = (group.y * GRID + group.x) * 256u + thread;
  if (i < COUNT) { y[i] = E(); }
}
#else
#if LINK
@group(0) @binding(0) var<storage, read> segments: array<i32>;
@group(0) @binding(1) var<storage, read_write> links: array<vec2u>;

@compute @workgroup_size(64)
fn link(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let row = (group.y * GRID + group.x) * 64u + thread;
  if (row >= ROWS) { return; }
  let segment = segments[FIRST + row];
  var first = segment >= 0;
  for (var i = 0u; first && i < row; i++) { first = segments[FIRST + i] != segment; }
  var next = row + 1u;
  while (next < ROWS && segments[FIRST + next] != segment) { next++; }
  links[row] = vec2u(u32(first), next);
}
#else
#tensor 0 read x
@group(0) @binding(1) var<storage, read> segments: array<i32>;
@group(0) @binding(2) var<storage, read> links: array<vec2u>;
@group(0) @binding(3) var<storage, read_write> y: array<E>;

@compute @workgroup_size(256)
fn sum(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let i = (group.y * GRID + group.x) * 256u + thread;
  if (i >= COUNT) { return; }
  let row = i / WIDTH;
  let column = i % WIDTH;
  if (links[row].x == 0u) { return; }
  let segment = u32(segments[FIRST + row]);
  if (segment < Y_FIRST || segment - Y_FIRST >= Y_ROWS) { return; }
  var total = x_at(row * WIDTH + column);
  for (var next = links[row].y; next < ROWS; next = links[next].y) { total += x_at(next * WIDTH + column); }
  y[(segment - Y_FIRST) * WIDTH + column] += total;
}
#endif
#endif
