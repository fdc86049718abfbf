// Columns FIRST to FIRST + ROWS of a [COUNT, WIDTH], transposed: y [ROWS, DEPTH] from column START on. VECTOR: every size is a multiple
// of four, and each invocation transposes 4 x 4.
#if VECTOR
alias E = vec4f;
#else
alias E = f32;
#endif

#tensor 0 read a
@group(0) @binding(1) var<storage, read_write> y: array<E>;

@compute @workgroup_size(8, 8)
fn transpose(@builtin(global_invocation_id) id: vec3u) {
#if VECTOR
  let m = 4u * id.x;
  let k = 4u * id.y;
  if (m >= ROWS || k >= COUNT) { return; }
#repeat r 4
  let row$r = a_at(((k + $ru) * WIDTH + FIRST + m) / 4u);
#end
#repeat q 4
  y[((m + $qu) * DEPTH + START + k) / 4u] = vec4f(row0[$q], row1[$q], row2[$q], row3[$q]);
#end
#else
  let m = id.x;
  let k = id.y;
  if (m < ROWS && k < COUNT) { y[m * DEPTH + START + k] = a_at(k * WIDTH + FIRST + m); }
#endif
}
