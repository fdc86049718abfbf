// A workgroup computes BM x BN of y with subgroup matrices: f16 operands, f32 sums. Tiles of both operands, BK deep, are staged in
// workgroup memory, and each of the GROUPS subgroups multiplies TM x TN matrices of MM rows and MN columns, MK deep. local.y selects
// the subgroup's part of y. A row of the workgroup (local.x) has as many invocations as the largest subgroup; where the driver chooses
// smaller subgroups, the subgroups of one row do the same work and store the same numbers.
enable f16;
enable chromium_experimental_subgroup_matrix;
diagnostic(off, chromium.subgroup_matrix_uniformity);

const BK4 = BK / 4u;
const BN4 = BN / 4u;
const THREADS = LANES * GROUPS;
// Padded by eight f16: rows stay aligned, and the rows of a matrix lie in different banks.
const DEEP = BK + 8u;
const WIDE = BN + 8u;

var<workgroup> a_tile: array<f16, BM * DEEP>;
#if NT
var<workgroup> w_tile: array<f16, BN * DEEP>;
#else
var<workgroup> w_tile: array<f16, BK * WIDE>;
#endif
// One matrix of sums per subgroup, staged for the store to y.
var<workgroup> sums: array<f32, GROUPS * MM * MN>;

alias Left = subgroup_matrix_left<f16, MK, MM>;
alias Right = subgroup_matrix_right<f16, MN, MK>;
alias Sums = subgroup_matrix_result<f32, MN, MM>;

fn put_a(at: u32, v: vec4f) {
#repeat q 4
  a_tile[at + $qu] = f16(v[$q]);
#end
}

fn put_w(at: u32, v: vec4f) {
#repeat q 4
  w_tile[at + $qu] = f16(v[$q]);
#end
}

@compute @workgroup_size(LANES, GROUPS)
fn matrix(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u, @builtin(local_invocation_index) thread: u32) {
  let n0 = group.x * BN;
  let m0 = group.y * BM;
  let row = local.y / GROUPS_N * TM * MM;
  let column = local.y % GROUPS_N * TN * MN;
#repeat i TM
#repeat j TN
  var c$i_$j = Sums();
#end
#end
#repeat s PRODUCTS
  for (var k0 = start_$s(group.z); k0 < end_$s(group.z); k0 += BK) {
    for (var e = thread; e < BM * BK4; e += THREADS) {
      put_a(e / BK4 * DEEP + 4u * (e % BK4), a$s_four(m0 + e / BK4, k0 + 4u * (e % BK4)));
    }
#if NT
    for (var e = thread; e < BN * BK4; e += THREADS) {
      put_w(e / BK4 * DEEP + 4u * (e % BK4), w$s_four(n0 + e / BK4, k0 + 4u * (e % BK4)));
    }
#else
    for (var e = thread; e < BK * BN4; e += THREADS) {
      put_w(e / BN4 * WIDE + 4u * (e % BN4), w$s_four(k0 + e / BN4, n0 + 4u * (e % BN4)));
    }
#endif
    workgroupBarrier();
    for (var k = 0u; k < BK; k += MK) {
#repeat i TM
      let a$i = subgroupMatrixLoad<Left, row_major>(&a_tile, (row + $iu * MM) * DEEP + k, DEEP);
#end
#repeat j TN
#if NT
      let b$j = subgroupMatrixLoad<Right, col_major>(&w_tile, (column + $ju * MN) * DEEP + k, DEEP);
#else
      let b$j = subgroupMatrixLoad<Right, row_major>(&w_tile, k * WIDE + column + $ju * MN, WIDE);
#endif
#repeat i TM
      c$i_$j = subgroupMatrixMultiplyAccumulate(a$i, b$j, c$i_$j);
#end
#end
    }
    workgroupBarrier();
  }
#end
  let own = local.y * MM * MN;
#repeat i TM
#repeat j TN
  subgroupMatrixStore<row_major>(&sums, own, c$i_$j, MN);
  workgroupBarrier();
  for (var e = 4u * local.x; e < MM * MN; e += 4u * LANES) {
    let at = own + e;
    let four = vec4f(sums[at], sums[at + 1u], sums[at + 2u], sums[at + 3u]);
    store(group.z, m0 + row + $iu * MM + e / MN, n0 + column + $ju * MN + e % MN, four);
  }
  workgroupBarrier();
#end
#end
}
