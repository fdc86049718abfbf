// Root-mean-square normalisation of runs of WIDTH elements E, and its gradient (BACKWARD). A workgroup takes RUNS runs with LANES
// invocations each.
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
#if BACKWARD
@group(0) @binding(1) var<storage, read> rstd: array<f32>;
#tensor 2 read dy
@group(0) @binding(3) var<storage, read_write> dx: array<E>;
@group(0) @binding(4) var<storage, read> weight: array<E>;
#if ADDEND
#tensor 5 read addend
#endif
#else
@group(0) @binding(1) var<storage, read_write> rstd: array<f32>;
#tensor 2 write y
@group(0) @binding(3) var<storage, read> weight: array<E>;
#endif

@compute @workgroup_size(LANES, RUNS)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_id) local: vec3u, @builtin(local_invocation_index) thread: u32) {
  let run = (wid.y * GRID + wid.x) * RUNS + local.y;
  let present = run < COUNT;
  let first = run * WIDTH;
  var total = 0.0;
#if BACKWARD
  var scale = 0.0;
  if (present) {
    scale = rstd[run];
    for (var i = local.x; i < WIDTH; i += LANES) { total += sum(dy_at(first + i) * weight[i] * (x_at(first + i) * scale)); }
  }
  let along = lane_sum(total, thread) / SCALARS;
  if (!present) { return; }
  for (var i = local.x; i < WIDTH; i += LANES) {
    var d = scale * (dy_at(first + i) * weight[i] - x_at(first + i) * scale * along);
#if ADDEND
    d += addend_at(first + i);
#endif
    dx[first + i] = d;
  }
#else
  if (present) {
    for (var i = local.x; i < WIDTH; i += LANES) {
      let e = x_at(first + i);
      total += sum(e * e);
    }
  }
  let scale = 1.0 / sqrt(lane_sum(total, thread) / SCALARS + EPS);
  if (!present) { return; }
  for (var i = local.x; i < WIDTH; i += LANES) { put_y(first + i, x_at(first + i) * scale * weight[i]); }
  if (local.x == 0u) { rstd[run] = scale; }
#endif
}
