// Operands and result of y = Σ_s a_s·op(w_s)·FACTOR_s + bias + addend. The loops over tiles are in gemm-direct.wgsl, gemm-tiled.wgsl,
// gemm-vector.wgsl and gemm-matrix.wgsl. Operands are read four neighbours at a time: along the depth k for a (and w when NT), along
// the columns n for w when NN.
// VECTOR: every size is a multiple of four, so that a read is one vec4.
// NATIVE_F16: the device has the type f16, so that f16 needs no unpacking. Arithmetic is in f32 either way.
// Reads past the depth return zero. Reads past other edges return any value, which only reaches results that are not stored.
// A layer of the grid takes SPLIT_DEPTH of the depth of w0. Several layers each store their own matrix; partial-sums.wgsl adds them.
#if VECTOR
alias E = vec4f;
#else
alias E = f32;
#endif
#if QUANTISED
alias W = u32;
#else
#if F16
#if NATIVE_F16
enable f16;
#if VECTOR
alias W = vec4h;
#else
alias W = f16;
#endif
#else
#if VECTOR
alias W = vec2u;
#else
alias W = u32;
#endif
#endif
#else
alias W = E;
#endif
#endif

#tensor 0 update y
#tensor 1 read a0
@group(0) @binding(2) var<storage, read> w0: array<W>;
#if EXTENDED
#tensor 3 read a1
@group(0) @binding(4) var<storage, read> w1: array<E>;
#endif
#if BIAS
@group(0) @binding(BIAS_BINDING) var<storage, read> bias: array<E>;
#endif
#if ADDEND
#tensor ADDEND_BINDING read addend
#endif

#repeat s PRODUCTS
#if !VECTOR
fn a$s_one(row: u32, k: u32) -> f32 {
  if (k >= DEPTH_$s) { return 0.0; }
  return a$s_at(row * A_STRIDE_$s + A_COLUMN_$s + k);
}
#endif

fn a$s_four(row: u32, k: u32) -> vec4f {
#if VECTOR
#if GUARD
  if (k >= DEPTH_$s) { return vec4f(); }
#endif
  return a$s_at((row * A_STRIDE_$s + A_COLUMN_$s + k) / 4u);
#else
  return vec4f(a$s_one(row, k), a$s_one(row, k + 1u), a$s_one(row, k + 2u), a$s_one(row, k + 3u));
#endif
}

#if QUANTISED_$s
// Rows are whole words, so that four neighbours are one read for all sizes.
fn w$s_four(row: u32, column: u32) -> vec4f {
#if NT
  if (column >= DEPTH_$s) { return vec4f(); }
#else
  if (row >= DEPTH_$s) { return vec4f(); }
#endif
  return FACTOR_$s * dequantised(row, column);
}
#else
#if VECTOR
fn w$s_vector(i: u32) -> vec4f {
#if NATIVE_F16_$s
  return vec4f(w$s[i / 4u]);
#else
#if F16_$s
  let pair = w$s[i / 4u];
  return vec4f(unpack2x16float(pair.x), unpack2x16float(pair.y));
#else
  return w$s[i / 4u];
#endif
#endif
}
#else
fn w$s_one(row: u32, column: u32) -> f32 {
#if NT
  if (column >= DEPTH_$s) { return 0.0; }
#else
  if (row >= DEPTH_$s) { return 0.0; }
#endif
  let i = (row + W_ROW_$s) * W_STRIDE_$s + column;
#if NATIVE_F16_$s
  return f32(w$s[i]);
#else
#if F16_$s
  let pair = unpack2x16float(w$s[i / 2u]);
  return select(pair.x, pair.y, i % 2u == 1u);
#else
  return w$s[i];
#endif
#endif
}
#endif

// Four neighbours of a row of w, times FACTOR: [n][k..k+3] when NT, [k][n..n+3] when NN.
fn w$s_four(row: u32, column: u32) -> vec4f {
#if VECTOR
#if GUARD
#if NT
  if (column >= DEPTH_$s) { return vec4f(); }
#else
  if (row >= DEPTH_$s) { return vec4f(); }
#endif
#endif
  return FACTOR_$s * w$s_vector((row + W_ROW_$s) * W_STRIDE_$s + column);
#else
  return FACTOR_$s * vec4f(w$s_one(row, column), w$s_one(row, column + 1u), w$s_one(row, column + 2u), w$s_one(row, column + 3u));
#endif
}
#endif
#end

// The range of depths that layer `split` of the grid takes. Layer 0 also takes the extension.
fn start_0(split: u32) -> u32 { return split * SPLIT_DEPTH; }
fn end_0(split: u32) -> u32 { return min((split + 1u) * SPLIT_DEPTH, DEPTH_0); }
#if EXTENDED
fn start_1(split: u32) -> u32 { return 0u; }
fn end_1(split: u32) -> u32 { return select(0u, DEPTH_1, split == 0u); }
#endif

#if VECTOR
fn store(split: u32, row: u32, n: u32, sum: vec4f) {
  if (row >= ROWS || n >= COLUMNS) { return; }
  let i = ((split * ROWS + row) * Y_STRIDE + Y_COLUMN + n) / 4u;
  var value = sum;
#if BIAS
  value += bias[(Y_COLUMN + n) / 4u];
#endif
#if ADDEND
  value += addend_at(i);
#endif
#if ACCUMULATE
  value += y_at(i);
#endif
  put_y(i, value);
}
#else
fn store_one(split: u32, row: u32, n: u32, sum: f32) {
  if (row >= ROWS || n >= COLUMNS) { return; }
  let i = (split * ROWS + row) * Y_STRIDE + Y_COLUMN + n;
  var value = sum;
#if BIAS
  value += bias[Y_COLUMN + n];
#endif
#if ADDEND
  value += addend_at(i);
#endif
#if ACCUMULATE
  value += y_at(i);
#endif
  put_y(i, value);
}

fn store(split: u32, row: u32, n: u32, sum: vec4f) {
  store_one(split, row, n, sum.x);
  store_one(split, row, n + 1u, sum.y);
  store_one(split, row, n + 2u, sum.z);
  store_one(split, row, n + 3u, sum.w);
}
#endif
