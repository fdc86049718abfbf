// y = FACTOR·aᵀ·b for a [DEPTH, ROWS] and b [DEPTH, COLUMNS]: a sum over tokens in a fixed order. Each invocation sums TM x TN of the
// result over SPLIT_TOKENS tokens; several such splits are stored one after the other, from split FIRST_SPLIT on, and
// partial-sums.wgsl adds them. ACCUMULATE adds to what y holds.
#if VECTOR
alias E = vec4f;
#else
alias E = f32;
#endif

#tensor 0 read a
#tensor 1 read b
@group(0) @binding(2) var<storage, read_write> y: array<E>;

fn a_four(token: u32, m: u32) -> vec4f {
  let i = token * ROWS + m;
#if VECTOR
  return a_at(i / 4u);
#else
  return vec4f(a_at(i), a_at(i + 1u), a_at(i + 2u), a_at(i + 3u));
#endif
}

fn b_four(token: u32, n: u32) -> vec4f {
  let i = token * COLUMNS + n;
#if VECTOR
  return b_at(i / 4u);
#else
  return vec4f(b_at(i), b_at(i + 1u), b_at(i + 2u), b_at(i + 3u));
#endif
}

fn store(split: u32, m: u32, n: u32, sum: vec4f) {
  if (m >= ROWS || n >= COLUMNS) { return; }
  let i = ((FIRST_SPLIT + split) * ROWS + m) * COLUMNS + n;
#if VECTOR
#if ACCUMULATE
  y[i / 4u] += FACTOR * sum;
#else
  y[i / 4u] = FACTOR * sum;
#endif
#else
  for (var c = 0u; c < 4u && n + c < COLUMNS; c++) {
#if ACCUMULATE
    y[i + c] += FACTOR * sum[c];
#else
    y[i + c] = FACTOR * sum[c];
#endif
  }
#endif
}

@compute @workgroup_size(X, Y)
fn reduce(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let n = (group.x * X + local.x) * TN;
  let m = (group.y * Y + local.y) * TM;
  if (n >= COLUMNS || m >= ROWS) { return; }
#repeat i TM4
#repeat j TN4
#repeat q 4
  var c$i_$q_$j = vec4f();
#end
#end
#end
  let end = min((group.z + 1u) * SPLIT_TOKENS, DEPTH);
  for (var token = group.z * SPLIT_TOKENS; token < end; token++) {
#repeat i TM4
    let a$i = a_four(token, m + 4u * $iu);
#end
#repeat j TN4
    let b$j = b_four(token, n + 4u * $ju);
#repeat i TM4
#repeat q 4
    c$i_$q_$j = fma(vec4f(a$i[$q]), b$j, c$i_$q_$j);
#end
#end
#end
  }
#repeat i TM4
#repeat j TN4
#repeat q 4
  store(group.z, m + 4u * $iu + $qu, n + 4u * $ju, c$i_$q_$j);
#end
#end
#end
}
