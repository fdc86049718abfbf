// Normalisation of runs of WIDTH elements E by their root mean square, or by mean and standard deviation (CENTRED), and its gradient
// (BACKWARD). OFFSET is added to the weight. A workgroup takes RUNS runs with LANES invocations each.
#if VECTOR
alias E = vec4f;

fn sum(v: E) -> f32 { return (v.x + v.y) + (v.z + v.w); }
const SCALARS = 4.0 * f32(WIDTH);
#else
alias E = f32;

fn sum(v: E) -> f32 { return v; }
const SCALARS = f32(WIDTH);
#endif

#tensor 0 read x
@group(0) @binding(3) var<storage, read> weight: array<E>;
#if BACKWARD
@group(0) @binding(1) var<storage, read_write> dx: array<E>;
@group(0) @binding(2) var<storage, read> rstd: array<f32>;
#tensor 4 read dy
#if CENTRED
@group(0) @binding(5) var<storage, read> mean: array<f32>;
#endif
#if ADDEND
#tensor ADDEND_BINDING read addend
#endif
#else
#tensor 1 write y
@group(0) @binding(2) var<storage, read_write> rstd: array<f32>;
#if CENTRED
@group(0) @binding(4) var<storage, read_write> mean: array<f32>;
#endif
#if BIAS
@group(0) @binding(5) var<storage, read> bias: array<E>;
#endif
#endif

#if CENTRED
fn centred_at(i: u32, centre: f32) -> E { return x_at(i) - centre; }
#else
fn centred_at(i: u32, centre: f32) -> E { return x_at(i); }
#endif

@compute @workgroup_size(LANES, RUNS)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_id) local: vec3u, @builtin(local_invocation_index) thread: u32) {
  let run = (wid.y * GRID + wid.x) * RUNS + local.y;
  let present = run < COUNT;
  let first = run * WIDTH;
  var centre = 0.0;
  var total = 0.0;
#if BACKWARD
  var scale = 0.0;
  var level = 0.0;
  if (present) {
    scale = rstd[run];
#if CENTRED
    centre = mean[run];
#endif
    for (var i = local.x; i < WIDTH; i += LANES) {
      let dunit = dy_at(first + i) * (weight[i] + OFFSET);
      total += sum(dunit * (centred_at(first + i, centre) * scale));
#if CENTRED
      level += sum(dunit);
#endif
    }
  }
#if CENTRED
  // Both sums with the same barriers.
  let means = lane_sum(vec4f(total, level, 0.0, 0.0), thread) / SCALARS;
  let along = means.x;
  level = means.y;
#else
  let along = lane_sum(total, thread) / SCALARS;
#endif
  if (!present) { return; }
  for (var i = local.x; i < WIDTH; i += LANES) {
    var dunit = dy_at(first + i) * (weight[i] + OFFSET);
#if CENTRED
    dunit -= level;
#endif
    var d = scale * (dunit - centred_at(first + i, centre) * scale * along);
#if ADDEND
    d += addend_at(first + i);
#endif
    dx[first + i] = d;
  }
#else
#if CENTRED
  if (present) {
    for (var i = local.x; i < WIDTH; i += LANES) { total += sum(x_at(first + i)); }
  }
  centre = lane_sum(total, thread) / SCALARS;
  total = 0.0;
#endif
  if (present) {
    for (var i = local.x; i < WIDTH; i += LANES) {
      let e = centred_at(first + i, centre);
      total += sum(e * e);
    }
  }
  let scale = 1.0 / sqrt(lane_sum(total, thread) / SCALARS + EPS);
  if (!present) { return; }
  for (var i = local.x; i < WIDTH; i += LANES) {
    var e = centred_at(first + i, centre) * scale * (weight[i] + OFFSET);
#if BIAS
    e += bias[i];
#endif
    put_y(first + i, e);
  }
  if (local.x == 0u) {
    rstd[run] = scale;
#if CENTRED
    mean[run] = centre;
#endif
  }
#endif
}
