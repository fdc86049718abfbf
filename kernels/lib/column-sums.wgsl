// Sums of the columns of ROWS rows with WIDTH elements E, in parts of PART_ROWS rows. NORM: instead of the values dy themselves, their
// products with x̂ = x·rstd, or (x − mean)·rstd when CENTRED; BIAS also sums dy.
// A workgroup takes X columns of one part, with Y invocations per column. Each adds its rows first to last, then the invocations are
// added in order.
#if VECTOR
alias E = vec4f;
#else
alias E = f32;
#endif

#tensor 0 read values
@group(0) @binding(1) var<storage, read_write> sums: array<E>;
#if NORM
#tensor 2 read x
@group(0) @binding(3) var<storage, read> rstd: array<f32>;
#if CENTRED
@group(0) @binding(4) var<storage, read> mean: array<f32>;
#if BIAS
@group(0) @binding(5) var<storage, read_write> bias_sums: array<E>;
#endif

fn unit_at(row: u32, i: u32) -> E { return (x_at(i) - mean[row]) * rstd[row]; }
#else
fn unit_at(row: u32, i: u32) -> E { return x_at(i) * rstd[row]; }
#endif
#endif

#if SHARED
var<workgroup> subtotals: array<E, X * Y>;
#endif

// The sum over the Y invocations of a column; only the first of them gets it.
fn column_total(own: E, local: vec3u) -> E {
#if SHARED
  subtotals[local.y * X + local.x] = own;
  workgroupBarrier();
  var all = own;
  if (local.y == 0u) {
    for (var y = 1u; y < Y; y++) { all += subtotals[y * X + local.x]; }
  }
  workgroupBarrier();
  return all;
#else
  return own;
#endif
}

@compute @workgroup_size(X, Y)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let column = wid.x * X + local.x;
  let present = column < WIDTH;
  let first = wid.y * PART_ROWS;
  let end = min(first + PART_ROWS, ROWS);
  var sum = E();
#if BIAS
  var bias_sum = E();
#endif
  if (present) {
    for (var row = first + local.y; row < end; row += Y) {
      let i = row * WIDTH + column;
#if NORM
      let value = values_at(i);
      sum += value * unit_at(row, i);
#if BIAS
      bias_sum += value;
#endif
#else
      sum += values_at(i);
#endif
    }
  }
  let writes = present && local.y == 0u;
  let to = (FIRST_PART + wid.y) * WIDTH + column;
  let total = column_total(sum, local);
  if (writes) { sums[to] = total; }
#if BIAS
  let bias_total = column_total(bias_sum, local);
  if (writes) { bias_sums[to] = bias_total; }
#endif
}
