// Attention by tiles. A workgroup owns OWN rows of one head and walks over the other side's rows, OTHER at a time:
//   FORWARD      owns queries, walks over keys;    o  = softmax(q·kᵀ)·v with an online softmax (arXiv 2307.08691)
//   BACKWARD_Q   owns queries, walks over keys;    dq = ds·k
//   BACKWARD_KV  owns keys, walks over queries;    dv = pᵀ·do, dk = dsᵀ·q, for each query head of the group in turn
// where p = exp(s − lse), ds = p∘(do·vᵀ − delta)·SCALE. DELTA prepares delta = Σ o∘do beside lse.
// An invocation holds products of the four own rows of its strip with PAIRS other rows (`col` + COLS·j), and the outputs of
// those four rows in SPAN vectors of columns (`col` + COLS·c of COLUMNS).

#if VECTOR
alias E = vec4f;
const DEPTH = HEAD_SIZE / 4u;
#else
alias E = f32;
const DEPTH = (HEAD_SIZE + 3u) / 4u;

// Blanks what lies past the head's end.
fn keep(v: vec4f, d: u32) -> vec4f {
  return select(vec4f(0.0), v, vec4u(4u * d) + vec4u(0u, 1u, 2u, 3u) < vec4u(HEAD_SIZE));
}
#endif

#if DELTA
@group(0) @binding(0) var<storage, read> o: array<E>;
@group(0) @binding(1) var<storage, read> dout: array<E>;
@group(0) @binding(2) var<storage, read> lse: array<f32>;
@group(0) @binding(3) var<storage, read_write> stats: array<vec2f>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lid: u32) {
  let head = (wid.y * GRID + wid.x) * 64u + lid;
  if (head >= COUNT) { return; }
  var delta = 0.0;
#if VECTOR
  for (var d = 0u; d < DEPTH; d++) { delta += dot(o[head * DEPTH + d], dout[head * DEPTH + d]); }
#else
  for (var d = 0u; d < HEAD_SIZE; d++) { delta += o[head * HEAD_SIZE + d] * dout[head * HEAD_SIZE + d]; }
#endif
  stats[head] = vec2f(lse[head], delta);
}
#else

@group(0) @binding(0) var<storage, read> q: array<E>;
@group(0) @binding(1) var<storage, read> k: array<E>;
@group(0) @binding(2) var<storage, read> v: array<E>;
@group(0) @binding(3) var<storage, read> segments: array<i32>;
#if FORWARD
@group(0) @binding(4) var<storage, read_write> o: array<E>;
@group(0) @binding(5) var<storage, read_write> lse: array<f32>;
#else
@group(0) @binding(4) var<storage, read> dout: array<E>;
@group(0) @binding(5) var<storage, read> stats: array<vec2f>;
@group(0) @binding(6) var<storage, read_write> dfirst: array<E>;
#if BACKWARD_KV
@group(0) @binding(7) var<storage, read_write> dsecond: array<E>;
#endif
#endif

const OWN = 64u;
const OTHER = 32u;
const STRIPS = OWN / 4u;
const THREADS = STRIPS * COLS;
const LOWEST = -1e30;

// 16 KiB, used in turn for: slices of own and other rows (d-major, padded against bank conflicts), row maxima, weights and
// the vectors they weigh.
var<workgroup> tile: array<vec4f, 1024>;
const OWN_STRIDE = OWN + 1u;
const OTHER_STRIDE = OTHER + 1u;
const OTHER_AT = SLICE * OWN_STRIDE;
const VECTORS_AT = 512u;

// What a workgroup is at: the first token of its row of the batch, of its own tile and of the other tile (both within the row).
struct Place { row: u32, own: u32, other: u32, head: u32, kv_head: u32, column: u32 }

#if VECTOR
fn load_q(i: u32, d: u32) -> vec4f { return q[i * DEPTH + d]; }
fn load_k(i: u32, d: u32) -> vec4f { return k[i * DEPTH + d]; }
fn load_v(i: u32, d: u32) -> vec4f { return v[i * DEPTH + d]; }
#if !FORWARD
fn load_dout(i: u32, d: u32) -> vec4f { return dout[i * DEPTH + d]; }
#endif
#else
fn load_q(i: u32, d: u32) -> vec4f {
  let at = i * HEAD_SIZE + 4u * d;
  return keep(vec4f(q[at], q[at + 1u], q[at + 2u], q[at + 3u]), d);
}
fn load_k(i: u32, d: u32) -> vec4f {
  let at = i * HEAD_SIZE + 4u * d;
  return keep(vec4f(k[at], k[at + 1u], k[at + 2u], k[at + 3u]), d);
}
fn load_v(i: u32, d: u32) -> vec4f {
  let at = i * HEAD_SIZE + 4u * d;
  return keep(vec4f(v[at], v[at + 1u], v[at + 2u], v[at + 3u]), d);
}
#if !FORWARD
fn load_dout(i: u32, d: u32) -> vec4f {
  let at = i * HEAD_SIZE + 4u * d;
  return keep(vec4f(dout[at], dout[at + 1u], dout[at + 2u], dout[at + 3u]), d);
}
#endif
#endif

// Vector d of the query side's (`which` 0: q, 1: do) or key side's (0: k, 1: v) row for a token of the batch row.
fn query_side(which: u32, place: Place, token: u32, d: u32) -> vec4f {
  var x = vec4f(0.0);
  if (token < TOKENS && d < DEPTH) {
    let i = (place.row + token) * HEADS + place.head;
#if FORWARD
    x = load_q(i, d);
#else
    if (which == 0u) { x = load_q(i, d); } else { x = load_dout(i, d); }
#endif
  }
  return x;
}

fn key_side(which: u32, place: Place, token: u32, d: u32) -> vec4f {
  var x = vec4f(0.0);
  if (token < TOKENS && d < DEPTH) {
    let i = (place.row + token) * KV_HEADS + place.kv_head;
    if (which == 0u) { x = load_k(i, d); } else { x = load_v(i, d); }
  }
  return x;
}

fn own_vector(which: u32, place: Place, row: u32, d: u32) -> vec4f {
#if BACKWARD_KV
  return key_side(which, place, place.own + row, d);
#else
  return query_side(which, place, place.own + row, d);
#endif
}

fn other_vector(which: u32, place: Place, row: u32, d: u32) -> vec4f {
#if BACKWARD_KV
  return query_side(which, place, place.other + row, d);
#else
  return key_side(which, place, place.other + row, d);
#endif
}

// Segment of a token; padding (-1) comes last in a row, so it counts as the largest. Rows past the end match nothing.
fn segment(place: Place, token: u32, missing: i32) -> i32 {
  let s = segments[place.row + min(token, TOKENS - 1u)];
  return select(select(s, 0x7fffffff, s < 0), missing, token >= TOKENS);
}

// Which of the strip's four own rows are paired with that other token.
fn visible(place: Place, own_segments: vec4i, strip: u32, token: u32) -> vec4<bool> {
  let same = own_segments == vec4i(segment(place, token, -3));
#if CAUSAL
  let own = vec4u(place.own + 4u * strip) + vec4u(0u, 1u, 2u, 3u);
#if BACKWARD_KV
  return same & (own <= vec4u(token));
#else
  return same & (own >= vec4u(token));
#endif
#else
  return same;
#endif
}

fn strip_segments(place: Place, strip: u32) -> vec4i {
  let token = place.own + 4u * strip;
  return vec4i(segment(place, token, -2), segment(place, token + 1u, -2), segment(place, token + 2u, -2), segment(place, token + 3u, -2));
}

// Whether no segment is in both tiles. Segments do not decrease along a row.
fn apart(place: Place) -> bool {
  let own_last = min(place.own + OWN, TOKENS) - 1u;
  let other_last = min(place.other + OTHER, TOKENS) - 1u;
  return segment(place, other_last, 0) < segment(place, place.own, 0) || segment(place, place.other, 0) > segment(place, own_last, 0);
}

// Products of the strip's four own rows with the invocation's other rows, over the whole head.
fn products(which: u32, place: Place, lid: u32) -> array<vec4f, PAIRS> {
  let strip = lid / COLS;
  let col = lid % COLS;
  var s: array<vec4f, PAIRS>;
  for (var start = 0u; start < DEPTH; start += SLICE) {
    workgroupBarrier();
    for (var i = lid; i < OWN * SLICE; i += THREADS) {
      tile[(i % SLICE) * OWN_STRIDE + i / SLICE] = own_vector(which, place, i / SLICE, start + i % SLICE);
    }
    for (var i = lid; i < OTHER * SLICE; i += THREADS) {
      tile[OTHER_AT + (i % SLICE) * OTHER_STRIDE + i / SLICE] = other_vector(which, place, i / SLICE, start + i % SLICE);
    }
    workgroupBarrier();
    for (var d = 0u; d < SLICE; d++) {
      let at = d * OWN_STRIDE + 4u * strip;
      let own = transpose(mat4x4f(tile[at], tile[at + 1u], tile[at + 2u], tile[at + 3u]));
#repeat j PAIRS
      let other$j = tile[OTHER_AT + d * OTHER_STRIDE + col + COLS * $ju];
      s[$j] += own[0] * other$j.x;
      s[$j] += own[1] * other$j.y;
      s[$j] += own[2] * other$j.z;
      s[$j] += own[3] * other$j.w;
#end
    }
  }
  return s;
}

// Adds to `sums` the other rows' vectors (see other_vector), weighed: sums[4c + i] is for own row i and the c-th column.
fn weigh(which: u32, place: Place, lid: u32, weights: array<vec4f, PAIRS>, sums: ptr<function, array<vec4f, 4u * SPAN>>) {
  let strip = lid / COLS;
  let col = lid % COLS;
  workgroupBarrier();
#repeat j PAIRS
  tile[(col + COLS * $ju) * STRIPS + strip] = weights[$j];
#end
  for (var start = 0u; start < OTHER; start += ROWS) {
    if (start > 0u) { workgroupBarrier(); }
    for (var i = lid; i < ROWS * COLUMNS; i += THREADS) {
      tile[VECTORS_AT + i] = other_vector(which, place, start + i / COLUMNS, place.column + i % COLUMNS);
    }
    workgroupBarrier();
    for (var j = 0u; j < ROWS; j++) {
      let w = tile[(start + j) * STRIPS + strip];
#repeat c SPAN
      let x$c = tile[VECTORS_AT + j * COLUMNS + col + COLS * $cu];
#repeat i 4
      (*sums)[4 * $c + $i] += w[$i] * x$c;
#end
#end
    }
  }
}

// Where in its head the c-th column of an invocation is stored; DEPTH or more when nowhere.
fn column_of(place: Place, lid: u32, c: u32) -> u32 {
  let column = lid % COLS + COLS * c;
  return select(DEPTH, place.column + column, column < COLUMNS);
}

#if FORWARD
fn store_first(i: u32, d: u32, x: vec4f) {
#if VECTOR
  o[i * DEPTH + d] = x;
#else
  for (var e = 0u; e < min(4u, HEAD_SIZE - 4u * d); e++) { o[i * HEAD_SIZE + 4u * d + e] = x[e]; }
#endif
}
#else
fn store_first(i: u32, d: u32, x: vec4f) {
#if VECTOR
  dfirst[i * DEPTH + d] = x;
#else
  for (var e = 0u; e < min(4u, HEAD_SIZE - 4u * d); e++) { dfirst[i * HEAD_SIZE + 4u * d + e] = x[e]; }
#endif
}
#endif

#if BACKWARD_KV
fn store_second(i: u32, d: u32, x: vec4f) {
#if VECTOR
  dsecond[i * DEPTH + d] = x;
#else
  for (var e = 0u; e < min(4u, HEAD_SIZE - 4u * d); e++) { dsecond[i * HEAD_SIZE + 4u * d + e] = x[e]; }
#endif
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lid: u32) {
  let strip = lid / COLS;
  var place = Place(wid.z * TOKENS, wid.x / BLOCKS * OWN, 0u, 0u, wid.y, wid.x % BLOCKS * COLUMNS);
  let own_segments = strip_segments(place, strip);
  var dk: array<vec4f, 4u * SPAN>;
  var dv: array<vec4f, 4u * SPAN>;
  for (var member = 0u; member < HEADS / KV_HEADS; member++) {
    place.head = place.kv_head * (HEADS / KV_HEADS) + member;
#if CAUSAL
    place.other = place.own;
#else
    place.other = 0u;
#endif
    for (; place.other < TOKENS; place.other += OTHER) {
      if (apart(place)) { continue; }
      var p = products(0u, place, lid);
      var ds = products(1u, place, lid);
#repeat j PAIRS
      let token$j = place.other + lid % COLS + COLS * $ju;
      let seen$j = visible(place, own_segments, strip, token$j);
      let stat$j = stats[(place.row + min(token$j, TOKENS - 1u)) * HEADS + place.head];
      p[$j] = exp(select(vec4f(LOWEST), p[$j] * SCALE - stat$j.x, seen$j));
      ds[$j] = p[$j] * (ds[$j] - stat$j.y) * SCALE;
#end
      weigh(1u, place, lid, p, &dv);
      weigh(0u, place, lid, ds, &dk);
    }
  }
#repeat i 4
  let token$i = place.own + 4u * strip + $iu;
  let at$i = (place.row + token$i) * KV_HEADS + place.kv_head;
#repeat c SPAN
  if (token$i < TOKENS && column_of(place, lid, $cu) < DEPTH) {
    store_first(at$i, column_of(place, lid, $cu), dk[4 * $c + $i]);
    store_second(at$i, column_of(place, lid, $cu), dv[4 * $c + $i]);
  }
#end
#end
}
#else

// Stores a vector of own row i, if that row and column exist.
fn store(place: Place, lid: u32, i: u32, c: u32, x: vec4f) {
  let token = place.own + 4u * (lid / COLS) + i;
  let d = column_of(place, lid, c);
  if (token < TOKENS && d < DEPTH) { store_first((place.row + token) * HEADS + place.head, d, x); }
}

#if BACKWARD_Q
fn stat_of(place: Place, strip: u32, i: u32) -> vec2f {
  return stats[(place.row + min(place.own + 4u * strip + i, TOKENS - 1u)) * HEADS + place.head];
}
#endif

#if FORWARD
// Values of each strip's invocations, where all can read them.
fn share(value: vec4f, lid: u32) {
  workgroupBarrier();
  tile[(lid % COLS) * STRIPS + lid / COLS] = value;
  workgroupBarrier();
}

fn strip_max(value: vec4f, lid: u32) -> vec4f {
  share(value, lid);
  var top = value;
  for (var c = 0u; c < COLS; c++) { top = max(top, tile[c * STRIPS + lid / COLS]); }
  return top;
}

fn strip_sum(value: vec4f, lid: u32) -> vec4f {
  share(value, lid);
  var total = vec4f(0.0);
  for (var c = 0u; c < COLS; c++) { total += tile[c * STRIPS + lid / COLS]; }
  return total;
}
#endif

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lid: u32) {
  let strip = lid / COLS;
#if CAUSAL
  // The last queries see the most keys: they go first, so that the device stays full to the end.
  let own = (TILES - 1u - wid.x / BLOCKS) * OWN;
  let end = min(own + OWN, TOKENS);
#else
  let own = wid.x / BLOCKS * OWN;
  let end = TOKENS;
#endif
  var place = Place(wid.z * TOKENS, own, 0u, wid.y, wid.y / (HEADS / KV_HEADS), wid.x % BLOCKS * COLUMNS);
  let own_segments = strip_segments(place, strip);
  var sums: array<vec4f, 4u * SPAN>;
#if FORWARD
  var top = vec4f(LOWEST);
  var total = vec4f(0.0);
  for (; place.other < end; place.other += OTHER) {
    if (apart(place)) { continue; }
    var s = products(0u, place, lid);
    var highest = top;
#repeat j PAIRS
    let seen$j = visible(place, own_segments, strip, place.other + lid % COLS + COLS * $ju);
    s[$j] = select(vec4f(LOWEST), s[$j] * SCALE, seen$j);
    highest = max(highest, s[$j]);
#end
    highest = strip_max(highest, lid);
    let fade = exp(top - highest);
    top = highest;
    total *= fade;
#repeat j PAIRS
    s[$j] = select(vec4f(0.0), exp(s[$j] - top), s[$j] > vec4f(LOWEST));
    total += s[$j];
#end
#repeat c SPAN
#repeat i 4
    sums[4 * $c + $i] *= fade[$i];
#end
#end
    weigh(1u, place, lid, s, &sums);
  }
  total = strip_sum(total, lid);
#repeat i 4
#repeat c SPAN
  store(place, lid, $iu, $cu, sums[4 * $c + $i] / total[$i]);
#end
  let token$i = own + 4u * strip + $iu;
  if (lid % COLS == 0u && place.column == 0u && token$i < TOKENS) {
    lse[(place.row + token$i) * HEADS + place.head] = top[$i] + log(total[$i]);
  }
#end
#else
  let stat = mat4x2f(stat_of(place, strip, 0u), stat_of(place, strip, 1u), stat_of(place, strip, 2u), stat_of(place, strip, 3u));
  let own_lse = transpose(stat)[0];
  let delta = transpose(stat)[1];
  for (; place.other < end; place.other += OTHER) {
    if (apart(place)) { continue; }
    var ds = products(0u, place, lid);
    let dp = products(1u, place, lid);
#repeat j PAIRS
    let seen$j = visible(place, own_segments, strip, place.other + lid % COLS + COLS * $ju);
    let p$j = exp(select(vec4f(LOWEST), ds[$j] * SCALE - own_lse, seen$j));
    ds[$j] = p$j * (dp[$j] - delta) * SCALE;
#end
    weigh(0u, place, lid, ds, &sums);
  }
#repeat i 4
#repeat c SPAN
  store(place, lid, $iu, $cu, sums[4 * $c + $i]);
#end
#end
#endif
}
#endif
#endif
