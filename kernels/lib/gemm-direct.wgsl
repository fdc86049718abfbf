// Each invocation computes TM x TN of y in registers, directly from the operands; TN4 = TN/4. REDUCE: LANES invocations share a tile,
// for narrow results and few rows. Each takes every LANES-th group of four depths, and their sums are added in the order of the lanes.
#if REDUCE
var<workgroup> lane_sums: array<vec4f, LANE_SUMS>;
#endif

@compute @workgroup_size(LANES, X, Y)
fn direct(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let n = (group.x * X + local.y) * TN;
  let m = (group.y * Y + local.z) * TM;
#if !REDUCE
  if (n >= COLUMNS || m >= ROWS) { return; }
#endif
#repeat i TM
#repeat j TN4
  var c$i_$j = vec4f();
#end
#end
#repeat s PRODUCTS
  for (var k = 4u * local.x; k < DEPTH_$s; k += 4u * LANES) {
#repeat i TM
    let a$i = a$s_four(m + $iu, k);
#end
#repeat j TN4
#if NT
#repeat r 4
    let row$r_$j = w$s_four(n + 4u * $ju + $ru, k);
#end
#repeat q 4
    let b$q_$j = vec4f(row0_$j[$q], row1_$j[$q], row2_$j[$q], row3_$j[$q]);
#end
#else
#repeat q 4
    let b$q_$j = w$s_four(k + $qu, n + 4u * $ju);
#end
#endif
#end
#repeat i TM
#repeat j TN4
#repeat q 4
    c$i_$j = fma(vec4f(a$i[$q]), b$q_$j, c$i_$j);
#end
#end
#end
  }
#end
#if REDUCE
  let tile = (local.z * X + local.y) * TM * TN4;
#repeat i TM
#repeat j TN4
  lane_sums[(tile + $iu * TN4 + $ju) * LANES + local.x] = c$i_$j;
#end
#end
  workgroupBarrier();
  for (var e = local.x; e < TM * TN4; e += LANES) {
    var sum = vec4f();
    for (var lane = 0u; lane < LANES; lane++) { sum += lane_sums[(tile + e) * LANES + lane]; }
    store(0u, m + e / TN4, n + 4u * (e % TN4), sum);
  }
#else
#repeat i TM
#repeat j TN4
  store(0u, m + $iu, n + 4u * $ju, c$i_$j);
#end
#end
#endif
}
