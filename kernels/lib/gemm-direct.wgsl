// Each thread makes TM x TN of y straight from the operands, TN4 = TN/4. For narrow results and few rows, LANES threads share
// a tile: each takes every LANES-th group of four depths, and the sums are added in the order of the lanes.
#if SPLIT
var<workgroup> parts: array<vec4f, PARTS>;
#endif

@compute @workgroup_size(LANES, X, Y)
fn direct(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let n = (group.x * X + local.y) * TN;
  let m = (group.y * Y + local.z) * TM;
#if !SPLIT
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
#if SPLIT
  let tile = (local.z * X + local.y) * TM * TN4;
#repeat i TM
#repeat j TN4
  parts[(tile + $iu * TN4 + $ju) * LANES + local.x] = c$i_$j;
#end
#end
  workgroupBarrier();
  for (var e = local.x; e < TM * TN4; e += LANES) {
    var sum = vec4f();
    for (var lane = 0u; lane < LANES; lane++) { sum += parts[(tile + e) * LANES + lane]; }
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
