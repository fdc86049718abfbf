// A workgroup computes BM x BN of y through tiles in workgroup memory, BK deep; each invocation computes TM x TN of it, TN4 = TN/4.
// Rows of the tiles are padded by one vec4 so that the invocations of a subgroup read different banks. The columns of an invocation are
// vec4s X apart, so that neighbouring invocations store neighbouring vec4s. For the same two reasons, when NT, row n of w is kept in
// slot (n % 4)·BN/4 + n/4.
const BK4 = BK / 4u;
const BN4 = BN / 4u;
const X = BN4 / TN4;
const THREADS = X * (BM / TM);

var<workgroup> a_tile: array<vec4f, BM * (BK4 + 1u)>;
#if NT
var<workgroup> w_tile: array<vec4f, BN * (BK4 + 1u)>;
#else
var<workgroup> w_tile: array<vec4f, BK * (BN4 + 1u)>;
#endif

@compute @workgroup_size(THREADS)
fn tiled(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let n0 = group.x * BN;
  let m0 = group.y * BM;
  let x = thread % X;
  let row = thread / X * TM;
#repeat i TM
#repeat j TN4
  var c$i_$j = vec4f();
#end
#end
#repeat s PRODUCTS
  for (var k0 = start_$s(group.z); k0 < end_$s(group.z); k0 += BK) {
    for (var e = thread; e < BM * BK4; e += THREADS) {
      a_tile[e / BK4 * (BK4 + 1u) + e % BK4] = a$s_four(m0 + e / BK4, k0 + 4u * (e % BK4));
    }
#if NT
    for (var e = thread; e < BN * BK4; e += THREADS) {
      let slot = e / BK4 % 4u * BN4 + e / BK4 / 4u;
      w_tile[slot * (BK4 + 1u) + e % BK4] = w$s_four(n0 + e / BK4, k0 + 4u * (e % BK4));
    }
#else
    for (var e = thread; e < BK * BN4; e += THREADS) {
      w_tile[e / BN4 * (BN4 + 1u) + e % BN4] = w$s_four(k0 + e / BN4, n0 + 4u * (e % BN4));
    }
#endif
    workgroupBarrier();
    for (var k = 0u; k < BK4; k++) {
#repeat i TM
      let a$i = a_tile[(row + $iu) * (BK4 + 1u) + k];
#end
#repeat j TN4
#if NT
#repeat r 4
      let row$r_$j = w_tile[($ru * BN4 + x + $ju * X) * (BK4 + 1u) + k];
#end
#repeat q 4
      let b$q_$j = vec4f(row0_$j[$q], row1_$j[$q], row2_$j[$q], row3_$j[$q]);
#end
#else
#repeat q 4
      let b$q_$j = w_tile[(4u * k + $qu) * (BN4 + 1u) + x + $ju * X];
#end
#endif
#repeat i TM
#repeat q 4
      c$i_$j = fma(vec4f(a$i[$q]), b$q_$j, c$i_$j);
#end
#end
#end
    }
    workgroupBarrier();
  }
#end
#repeat i TM
#repeat j TN4
  store(group.z, m0 + row + $iu, n0 + 4u * (x + $ju * X), c$i_$j);
#end
#end
}
