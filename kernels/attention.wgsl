// Tiled attention. A workgroup owns OWN rows of one head and iterates over the rows of the other side, OTHER at a time:
//   FORWARD      owns queries, iterates over keys;    o  = softmax(q·kᵀ)·v with an online softmax (arXiv 2307.08691)
//   BACKWARD_Q   owns queries, iterates over keys;    dq = ds·k
//   BACKWARD_KV  owns keys, iterates over queries;    dv = pᵀ·do, dk = dsᵀ·q, for each query head of its share of the group
// where p = exp(s − lse), ds = p∘(do·vᵀ − delta)·SCALE. attention_delta.wgsl computes delta and stores it with lse. With a soft cap
// (lib/softcap.wgsl) s are the capped scores, and ds is multiplied by the slope of the cap.
// A strip is four own rows. An invocation holds the products of BANDS strips with PAIRS other rows (`col` + COLS·j), and the outputs
// of those strips in COLUMNS_EACH vectors of columns (`col` + COLS·c of COLUMNS). STAGED: rows are staged in workgroup memory.

#if VECTOR
alias E = vec4f;
const DEPTH = HEAD_SIZE / 4u;
#else
alias E = f32;
const DEPTH = (HEAD_SIZE + 3u) / 4u;

// Zeroes the elements past the end of the head.
fn mask_tail(v: vec4f, d: u32) -> vec4f {
  return select(vec4f(0.0), v, vec4u(4u * d) + vec4u(0u, 1u, 2u, 3u) < vec4u(HEAD_SIZE));
}
#endif

// own0·other0 gives the scores, own1·other1 the derivative of the weights. When queries are the own rows, own is (q, do) and other is
// (k, v); when keys are, own is (k, v) and other is (q, do). FORWARD has no own1.
#tensor 0 read own0
#tensor 1 read other0
#tensor 2 read other1
@group(0) @binding(3) var<storage, read> segments: array<i32>;
#if FORWARD
#tensor 4 write output0
@group(0) @binding(5) var<storage, read_write> lse: array<f32>;
#else
#tensor 4 read own1
@group(0) @binding(5) var<storage, read> stats: array<vec2f>;
#tensor 6 write output0
#endif
#if BACKWARD_KV
#tensor 7 write output1
#endif

const STRIPS = OWN / 4u;
const THREADS = STRIPS / BANDS * COLS;
const OTHER = COLS * PAIRS;
const LOWEST = -1e30;

// Holds, one after the other: slices of own and other rows (d-major, padded against bank conflicts), row maxima, and the weights with
// the vectors that they multiply.
var<workgroup> tile: array<vec4f, TILE>;
const OWN_STRIDE = OWN + 1u;
const OTHER_STRIDE = OTHER + 1u;
const OTHER_AT = SLICE * OWN_STRIDE;
const VECTORS_AT = OTHER * STRIPS;

// The position of a workgroup: the first token of its row of the batch, of its own tile and of the other tile (both relative to the
// row), its head on each side, and its first column.
struct Cursor { row: u32, own: u32, other: u32, own_head: u32, other_head: u32, column: u32 }

// The index, in heads, of a token's vectors. Rows past the end read the last row: they get weight 0 and are never stored.
fn own_at(cursor: Cursor, row: u32) -> u32 {
  return (cursor.row + min(cursor.own + row, TOKENS - 1u)) * OWN_HEADS + cursor.own_head;
}

fn other_at(cursor: Cursor, row: u32) -> u32 {
  return (cursor.row + min(cursor.other + row, TOKENS - 1u)) * OTHER_HEADS + cursor.other_head;
}

#repeat w SIDES
fn load_own$w(head: u32, d: u32) -> vec4f {
#if VECTOR
  return own$w_at(head * DEPTH + d);
#else
  let at = head * HEAD_SIZE + 4u * d;
  return mask_tail(vec4f(own$w_at(at), own$w_at(at + 1u), own$w_at(at + 2u), own$w_at(at + 3u)), d);
#endif
}
#end

#repeat w 2
fn load_other$w(head: u32, d: u32) -> vec4f {
#if VECTOR
  return other$w_at(head * DEPTH + d);
#else
  let at = head * HEAD_SIZE + 4u * d;
  return mask_tail(vec4f(other$w_at(at), other$w_at(at + 1u), other$w_at(at + 2u), other$w_at(at + 3u)), d);
#endif
}
#end

// The segment of a token. Padding (-1) comes last in a row, so it is treated as the largest segment. Rows past the end get `missing`,
// which matches no segment.
fn segment(cursor: Cursor, token: u32, missing: i32) -> i32 {
  let s = segments[cursor.row + min(token, TOKENS - 1u)];
  return select(select(s, 0x7fffffff, s < 0), missing, token >= TOKENS);
}

// The first token of [low, high) whose segment is at least (`after`: above) that of `token`; `high` when there is none. Segments
// do not decrease along a row.
fn boundary(cursor: Cursor, token: u32, after: bool, low: u32, high: u32) -> u32 {
  let own = segment(cursor, token, 0);
  var first = low;
  var end = high;
  while (first < end) {
    let middle = (first + end) / 2u;
    let found = segment(cursor, middle, 0);
    if (select(found >= own, found > own, after)) { end = middle; } else { first = middle + 1u; }
  }
  return first;
}

// The range [x, y) of other tokens that are visible to any token of the own tile.
fn visible_range(cursor: Cursor) -> vec2u {
  let last = min(cursor.own + OWN, TOKENS) - 1u;
#if SLIDING
  let low = select(0u, cursor.own + 1u - WINDOW, cursor.own + 1u > WINDOW);
  let high = min(TOKENS, last + WINDOW);
#else
  let low = 0u;
  let high = TOKENS;
#endif
#if CAUSAL
#if BACKWARD_KV
  return vec2u(cursor.own, boundary(cursor, last, true, last + 1u, high));
#else
  return vec2u(boundary(cursor, cursor.own, false, low, cursor.own), last + 1u);
#endif
#else
  return vec2u(boundary(cursor, cursor.own, false, low, cursor.own), boundary(cursor, last, true, last + 1u, high));
#endif
}

// Which of the four own rows of a strip see, or are seen by, the other token.
fn visible(cursor: Cursor, own_segments: vec4i, strip: u32, token: u32) -> vec4<bool> {
  let own = vec4u(cursor.own + 4u * strip) + vec4u(0u, 1u, 2u, 3u);
  var seen = own_segments == vec4i(segment(cursor, token, -3));
#if CAUSAL
#if BACKWARD_KV
  seen = seen & (own <= vec4u(token));
#else
  seen = seen & (own >= vec4u(token));
#endif
#endif
#if SLIDING
  seen = seen & (max(own, vec4u(token)) - min(own, vec4u(token)) < vec4u(WINDOW));
#endif
  return seen;
}

fn strip_segments(cursor: Cursor, strip: u32) -> vec4i {
  let token = cursor.own + 4u * strip;
  return vec4i(segment(cursor, token, -2), segment(cursor, token + 1u, -2), segment(cursor, token + 2u, -2), segment(cursor, token + 3u, -2));
}

#repeat w SIDES
// own·other over the whole head: entry b·PAIRS + j holds the four rows of strip b with the j-th other row.
fn products$w(cursor: Cursor, lid: u32) -> array<vec4f, BANDS * PAIRS> {
  let strip = lid / COLS * BANDS;
  let col = lid % COLS;
#repeat b BANDS
#repeat j PAIRS
  var s$b_$j = vec4f();
#end
#end
#if STAGED
  for (var start = 0u; start < DEPTH; start += SLICE) {
    workgroupBarrier();
    for (var i = lid; i < OWN * SLICE; i += THREADS) {
      let d = start + i % SLICE;
      var x = vec4f();
      if (d < DEPTH) { x = load_own$w(own_at(cursor, i / SLICE), d); }
      tile[(i % SLICE) * OWN_STRIDE + i / SLICE] = x;
    }
    for (var i = lid; i < OTHER * SLICE; i += THREADS) {
      let d = start + i % SLICE;
      var x = vec4f();
      if (d < DEPTH) { x = load_other$w(other_at(cursor, i / SLICE), d); }
      tile[OTHER_AT + (i % SLICE) * OTHER_STRIDE + i / SLICE] = x;
    }
    workgroupBarrier();
    for (var d = 0u; d < SLICE; d++) {
#repeat j PAIRS
      let other$j = tile[OTHER_AT + d * OTHER_STRIDE + col + COLS * $ju];
#end
#repeat b BANDS
      let at$b = d * OWN_STRIDE + 4u * (strip + $bu);
      let own$b = transpose(mat4x4f(tile[at$b], tile[at$b + 1u], tile[at$b + 2u], tile[at$b + 3u]));
#repeat j PAIRS
      s$b_$j += own$b[0] * other$j.x;
      s$b_$j += own$b[1] * other$j.y;
      s$b_$j += own$b[2] * other$j.z;
      s$b_$j += own$b[3] * other$j.w;
#end
#end
    }
  }
#else
#repeat j PAIRS
  let other_at$j = other_at(cursor, col + COLS * $ju);
#end
#repeat b BANDS
#repeat i 4
  let own_at$b_$i = own_at(cursor, 4u * (strip + $bu) + $iu);
#end
#end
  for (var d = 0u; d < DEPTH; d++) {
#repeat j PAIRS
    let other$j = load_other$w(other_at$j, d);
#end
#repeat b BANDS
#repeat i 4
    let row$b_$i = load_own$w(own_at$b_$i, d);
#end
#repeat q 4
    let own$b_$q = vec4f(row$b_0[$q], row$b_1[$q], row$b_2[$q], row$b_3[$q]);
#end
#repeat j PAIRS
#repeat q 4
    s$b_$j = fma(own$b_$q, vec4f(other$j[$q]), s$b_$j);
#end
#end
#end
  }
#endif
  var s: array<vec4f, BANDS * PAIRS>;
#repeat b BANDS
#repeat j PAIRS
  s[$b * PAIRS + $ju] = s$b_$j;
#end
#end
  return s;
}
#end

#repeat w 2
// Adds the weighted vectors of the other rows to `sums`: entry (4b + i)·COLUMNS_EACH + c is for row i of strip b and column c.
fn add_weighted$w(cursor: Cursor, lid: u32, weights: array<vec4f, BANDS * PAIRS>, sums: ptr<function, array<vec4f, 4u * BANDS * COLUMNS_EACH>>) {
  let strip = lid / COLS * BANDS;
  let col = lid % COLS;
  workgroupBarrier();
#repeat b BANDS
#repeat j PAIRS
  tile[(col + COLS * $ju) * STRIPS + strip + $bu] = weights[$b * PAIRS + $ju];
#end
#repeat i 4
#repeat c COLUMNS_EACH
  var sum$b_$i_$c = (*sums)[(4 * $b + $i) * COLUMNS_EACH + $cu];
#end
#end
#end
#if STAGED
  for (var start = 0u; start < OTHER; start += ROWS) {
    if (start > 0u) { workgroupBarrier(); }
    for (var i = lid; i < ROWS * COLUMNS; i += THREADS) {
      tile[VECTORS_AT + i] = load_other$w(other_at(cursor, start + i / COLUMNS), min(cursor.column + i % COLUMNS, DEPTH - 1u));
    }
    workgroupBarrier();
    for (var row = start; row < start + ROWS; row++) {
#repeat c COLUMNS_EACH
      let x$c = tile[VECTORS_AT + (row - start) * COLUMNS + min(col + COLS * $cu, COLUMNS - 1u)];
#end
#else
  workgroupBarrier();
  {
    for (var row = 0u; row < OTHER; row++) {
      let at = other_at(cursor, row);
#repeat c COLUMNS_EACH
      let x$c = load_other$w(at, min(cursor.column + col + COLS * $cu, DEPTH - 1u));
#end
#endif
#repeat b BANDS
      let weight$b = tile[row * STRIPS + strip + $bu];
#repeat i 4
#repeat c COLUMNS_EACH
      sum$b_$i_$c = fma(vec4f(weight$b[$i]), x$c, sum$b_$i_$c);
#end
#end
#end
    }
  }
#repeat b BANDS
#repeat i 4
#repeat c COLUMNS_EACH
  (*sums)[(4 * $b + $i) * COLUMNS_EACH + $cu] = sum$b_$i_$c;
#end
#end
#end
}
#end

// The index within the head of the c-th column of an invocation; DEPTH or more when that column does not exist.
fn column_of(cursor: Cursor, lid: u32, c: u32) -> u32 {
  let column = lid % COLS + COLS * c;
  return select(DEPTH, cursor.column + column, column < COLUMNS);
}

#repeat n OUTPUTS
fn store$n(head: u32, d: u32, x: vec4f) {
#if VECTOR
  put_output$n(head * DEPTH + d, x);
#else
  for (var e = 0u; e < min(4u, HEAD_SIZE - 4u * d); e++) { put_output$n(head * HEAD_SIZE + 4u * d + e, x[e]); }
#endif
}
#end

#if BACKWARD_KV
@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lid: u32) {
  let strip = lid / COLS * BANDS;
  let split = wid.y % GROUP_SPLITS;
  var cursor = Cursor(wid.z * TOKENS, wid.x / BLOCKS * OWN, 0u, wid.y / GROUP_SPLITS, 0u, wid.x % BLOCKS * COLUMNS);
  let others = visible_range(cursor);
#repeat b BANDS
  let segments$b = strip_segments(cursor, strip + $bu);
#end
  var dk: array<vec4f, 4u * BANDS * COLUMNS_EACH>;
  var dv: array<vec4f, 4u * BANDS * COLUMNS_EACH>;
  for (var member = split * MEMBERS; member < (split + 1u) * MEMBERS; member++) {
    cursor.other_head = cursor.own_head * (OTHER_HEADS / OWN_HEADS) + member;
    for (cursor.other = others.x; cursor.other < others.y; cursor.other += OTHER) {
      var p = products0(cursor, lid);
      var ds = products1(cursor, lid);
#repeat j PAIRS
      let row$j = lid % COLS + COLS * $ju;
      let stat$j = stats[other_at(cursor, row$j)];
#repeat b BANDS
      let seen$b_$j = visible(cursor, segments$b, strip + $bu, cursor.other + row$j);
      let score$b_$j = capped(p[$b * PAIRS + $ju] * SCALE);
      p[$b * PAIRS + $ju] = exp(select(vec4f(LOWEST), score$b_$j - stat$j.x, seen$b_$j));
      ds[$b * PAIRS + $ju] = p[$b * PAIRS + $ju] * (ds[$b * PAIRS + $ju] - stat$j.y) * SCALE * cap_slope(score$b_$j);
#end
#end
      add_weighted1(cursor, lid, p, &dv);
      add_weighted0(cursor, lid, ds, &dk);
    }
  }
#repeat b BANDS
#repeat i 4
  let token$b_$i = cursor.own + 4u * (strip + $bu) + $iu;
  let head$b_$i = (split * ALL_TOKENS + cursor.row + token$b_$i) * OWN_HEADS + cursor.own_head;
#repeat c COLUMNS_EACH
  if (token$b_$i < TOKENS && column_of(cursor, lid, $cu) < DEPTH) {
    store0(head$b_$i, column_of(cursor, lid, $cu), dk[(4 * $b + $i) * COLUMNS_EACH + $cu]);
    store1(head$b_$i, column_of(cursor, lid, $cu), dv[(4 * $b + $i) * COLUMNS_EACH + $cu]);
  }
#end
#end
#end
}
#else

// Stores a vector of own row `row` if that row and column exist.
fn store(cursor: Cursor, lid: u32, row: u32, c: u32, x: vec4f) {
  let d = column_of(cursor, lid, c);
  if (cursor.own + row < TOKENS && d < DEPTH) { store0(own_at(cursor, row), d, x); }
}

#if FORWARD
// Makes the values of the invocations of a strip visible to all of them.
fn share(strip: u32, lid: u32, values: array<vec4f, BANDS>) {
  workgroupBarrier();
#repeat b BANDS
  tile[(lid % COLS) * STRIPS + strip + $bu] = values[$b];
#end
  workgroupBarrier();
}

fn strip_max(strip: u32, lid: u32, values: array<vec4f, BANDS>) -> array<vec4f, BANDS> {
  share(strip, lid, values);
  var top = values;
  for (var c = 0u; c < COLS; c++) {
#repeat b BANDS
    top[$b] = max(top[$b], tile[c * STRIPS + strip + $bu]);
#end
  }
  return top;
}

fn strip_sum(strip: u32, lid: u32, values: array<vec4f, BANDS>) -> array<vec4f, BANDS> {
  share(strip, lid, values);
  var total: array<vec4f, BANDS>;
  for (var c = 0u; c < COLS; c++) {
#repeat b BANDS
    total[$b] += tile[c * STRIPS + strip + $bu];
#end
  }
  return total;
}
#endif

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lid: u32) {
  let strip = lid / COLS * BANDS;
#if CAUSAL
  // The last queries see the most keys. They start first, so that the longest work does not start last.
  let own = (TILES - 1u - wid.x / BLOCKS) * OWN;
#else
  let own = wid.x / BLOCKS * OWN;
#endif
  var cursor = Cursor(wid.z * TOKENS, own, 0u, wid.y, wid.y / (OWN_HEADS / OTHER_HEADS), wid.x % BLOCKS * COLUMNS);
  let others = visible_range(cursor);
#repeat b BANDS
  let segments$b = strip_segments(cursor, strip + $bu);
#end
  var sums: array<vec4f, 4u * BANDS * COLUMNS_EACH>;
#if FORWARD
  var top: array<vec4f, BANDS>;
  var total: array<vec4f, BANDS>;
#repeat b BANDS
  top[$b] = vec4f(LOWEST);
#end
  for (cursor.other = others.x; cursor.other < others.y; cursor.other += OTHER) {
    var s = products0(cursor, lid);
    var highest = top;
#repeat j PAIRS
#repeat b BANDS
    let seen$b_$j = visible(cursor, segments$b, strip + $bu, cursor.other + lid % COLS + COLS * $ju);
    s[$b * PAIRS + $ju] = select(vec4f(LOWEST), capped(s[$b * PAIRS + $ju] * SCALE), seen$b_$j);
    highest[$b] = max(highest[$b], s[$b * PAIRS + $ju]);
#end
#end
    highest = strip_max(strip, lid, highest);
#repeat b BANDS
    let rescale$b = exp(top[$b] - highest[$b]);
    total[$b] *= rescale$b;
#repeat j PAIRS
    s[$b * PAIRS + $ju] = select(vec4f(0.0), exp(s[$b * PAIRS + $ju] - highest[$b]), s[$b * PAIRS + $ju] > vec4f(LOWEST));
    total[$b] += s[$b * PAIRS + $ju];
#end
#repeat i 4
#repeat c COLUMNS_EACH
    sums[(4 * $b + $i) * COLUMNS_EACH + $cu] *= rescale$b[$i];
#end
#end
#end
    top = highest;
    add_weighted1(cursor, lid, s, &sums);
  }
  total = strip_sum(strip, lid, total);
#repeat b BANDS
#repeat i 4
#repeat c COLUMNS_EACH
  store(cursor, lid, 4u * (strip + $bu) + $iu, $cu, sums[(4 * $b + $i) * COLUMNS_EACH + $cu] / total[$b][$i]);
#end
  if (lid % COLS == 0u && cursor.column == 0u && own + 4u * (strip + $bu) + $iu < TOKENS) {
    lse[own_at(cursor, 4u * (strip + $bu) + $iu)] = top[$b][$i] + log(total[$b][$i]);
  }
#end
#end
#else
#repeat b BANDS
#repeat i 4
  let stat$b_$i = stats[own_at(cursor, 4u * (strip + $bu) + $iu)];
#end
  let lse$b = vec4f(stat$b_0.x, stat$b_1.x, stat$b_2.x, stat$b_3.x);
  let delta$b = vec4f(stat$b_0.y, stat$b_1.y, stat$b_2.y, stat$b_3.y);
#end
  for (cursor.other = others.x; cursor.other < others.y; cursor.other += OTHER) {
    var ds = products0(cursor, lid);
    let dp = products1(cursor, lid);
#repeat j PAIRS
#repeat b BANDS
    let seen$b_$j = visible(cursor, segments$b, strip + $bu, cursor.other + lid % COLS + COLS * $ju);
    let score$b_$j = capped(ds[$b * PAIRS + $ju] * SCALE);
    let p$b_$j = exp(select(vec4f(LOWEST), score$b_$j - lse$b, seen$b_$j));
    ds[$b * PAIRS + $ju] = p$b_$j * (dp[$b * PAIRS + $ju] - delta$b) * SCALE * cap_slope(score$b_$j);
#end
#end
    add_weighted0(cursor, lid, ds, &sums);
  }
#repeat b BANDS
#repeat i 4
#repeat c COLUMNS_EACH
  store(cursor, lid, 4u * (strip + $bu) + $iu, $cu, sums[(4 * $b + $i) * COLUMNS_EACH + $cu]);
#end
#end
#end
#endif
}
#endif
