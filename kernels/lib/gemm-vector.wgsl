// Few rows, NT: w is read once for all ROWS rows of y. LANES invocations compute four columns: each takes every LANES-th run of
// 4·FOURS depths, and their sums are added in the order of lanes.wgsl. The order does not depend on ROWS or the row, so a row of y has
// the same bits for any number of other rows: a sequence decodes to the same text alone and in a batch.
var<workgroup> lane_sums: array<vec4f, GROUPS * ROWS * (LANES / SUBGROUP)>;

@compute @workgroup_size(LANES, GROUPS)
fn vector(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let n = (group.x * GROUPS + local.y) * 4u;
#repeat i TM
  var c$i = vec4f();
#end
#repeat s PRODUCTS
  for (var first = 4u * FOURS * local.x; first < DEPTH_$s; first += 4u * FOURS * LANES) {
#if QUANTISED_$s
#repeat r 4
    let scale$r = scale_at(n + $ru, first);
#end
#endif
#repeat f FOURS
    let k$f = first + 4u * $fu;
#repeat r 4
#if QUANTISED_$s
    let row$r_$f = scaled(n + $ru, k$f, scale$r);
#else
    let row$r_$f = w$s_four(n + $ru, k$f);
#endif
#end
#repeat q 4
    let b$q_$f = vec4f(row0_$f[$q], row1_$f[$q], row2_$f[$q], row3_$f[$q]);
#end
#repeat i TM
    let a$i_$f = a$s_four($iu, k$f);
#repeat q 4
    c$i = fma(vec4f(a$i_$f[$q]), b$q_$f, c$i);
#end
#end
#end
  }
#end
  let run = local.y * ROWS * (LANES / SUBGROUP);
#repeat i TM
  c$i = combine_neighbours(c$i, false);
  if (local.x % SUBGROUP == 0u) { lane_sums[run + $iu * (LANES / SUBGROUP) + local.x / SUBGROUP] = c$i; }
#end
  workgroupBarrier();
  for (var m = local.x; m < ROWS; m += LANES) {
    var sum = vec4f();
    for (var i = 0u; i < LANES / SUBGROUP; i++) { sum += lane_sums[run + m * (LANES / SUBGROUP) + i]; }
    store(0u, m, n, sum);
  }
}
