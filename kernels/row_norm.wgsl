// y = √Σx², or its reciprocal when RECIPROCAL, of COUNT rows of WIDTH elements, or vec4s when VECTOR. LANES invocations share a row, RUNS rows a workgroup.
#if VECTOR
alias E = vec4f;
fn square(e: E) -> f32 { return dot(e, e); }
#else
alias E = f32;
fn square(e: E) -> f32 { return e * e; }
#endif

@group(0) @binding(0) var<storage, read> x: array<E>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lid: u32) {
  let row = (wid.y * GRID + wid.x) * RUNS + lid / LANES;
  let lane = lid % LANES;
  var sum = 0.0;
  if (row < COUNT) {
    for (var i = lane; i < WIDTH; i += LANES) { sum += square(x[row * WIDTH + i]); }
  }
  let total = lane_sum(sum, lid);
  if (row < COUNT && lane == 0u) { y[row] = select(sqrt(total), 1.0 / sqrt(total), RECIPROCAL); }
}
