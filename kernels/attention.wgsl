// Attention by tiles. A workgroup owns OWN rows of one head and walks over the other side's rows, OTHER at a time:
//   FORWARD      owns queries, walks over keys;    o  = softmax(q·kᵀ)·v with an online softmax (arXiv 2307.08691)
//   BACKWARD_Q   owns queries, walks over keys;    dq = ds·k
//   BACKWARD_KV  owns keys, walks over queries;    dv = pᵀ·do, dk = dsᵀ·q, for each query head of its part of the group in turn
// where p = exp(s − lse), ds = p∘(do·vᵀ − delta)·SCALE; attention_delta.wgsl prepares lse and delta.
// Four own rows are a strip. An invocation holds the products of BANDS strips with PAIRS other rows (`col` + COLS·j), and the
// outputs of those strips in SPAN vectors of columns (`col` + COLS·c of COLUMNS). STAGED: rows come through workgroup memory.

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

// What is multiplied: own0·other0 gives the scores, own1·other1 the derivative of the weights. With queries for own rows these
// are q, do and k, v; with keys k, v and q, do. FORWARD has no own1.
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

// Used in turn for: slices of own and other rows (d-major, padded against bank conflicts), row maxima, weights and the vectors
// they weigh.
var<workgroup> tile: array<vec4f, TILE>;
const OWN_STRIDE = OWN + 1u;
const OTHER_STRIDE = OTHER + 1u;
const OTHER_AT = SLICE * OWN_STRIDE;
const VECTORS_AT = OTHER * STRIPS;

// What a workgroup is at: the first token of its row of the batch, of its own tile and of the other tile (both within the row),
// its head on either side, and the first of its columns.
struct Place { row: u32, own: u32, other: u32, own_head: u32, other_head: u32, column: u32 }

// Where a head's vectors begin, counted in heads, for a token of the batch row. Rows past the end repeat the last: what they
// give is never stored, and weighs nothing.
fn own_at(place: Place, row: u32) -> u32 {
  return (place.row + min(place.own + row, TOKENS - 1u)) * OWN_HEADS + place.own_head;
}

fn other_at(place: Place, row: u32) -> u32 {
  return (place.row + min(place.other + row, TOKENS - 1u)) * OTHER_HEADS + place.other_head;
}

#repeat w SIDES
fn load_own$w(head: u32, d: u32) -> vec4f {
#if VECTOR
  return own$w_at(head * DEPTH + d);
#else
  let at = head * HEAD_SIZE + 4u * d;
  return keep(vec4f(own$w_at(at), own$w_at(at + 1u), own$w_at(at + 2u), own$w_at(at + 3u)), d);
#endif
}
#end

#repeat w 2
fn load_other$w(head: u32, d: u32) -> vec4f {
#if VECTOR
  return other$w_at(head * DEPTH + d);
#else
  let at = head * HEAD_SIZE + 4u * d;
  return keep(vec4f(other$w_at(at), other$w_at(at + 1u), other$w_at(at + 2u), other$w_at(at + 3u)), d);
#endif
}
#end

// Segment of a token; padding (-1) comes last in a row, so it counts as the largest. Rows past the end match nothing.
fn segment(place: Place, token: u32, missing: i32) -> i32 {
  let s = segments[place.row + min(token, TOKENS - 1u)];
  return select(select(s, 0x7fffffff, s < 0), missing, token >= TOKENS);
}

// The first token of [low, high) whose segment is at least (`after`: above) that of `token`; `high` when there is none. Segments
// do not decrease along a row.
fn boundary(place: Place, token: u32, after: bool, low: u32, high: u32) -> u32 {
  let own = segment(place, token, 0);
  var first = low;
  var end = high;
  while (first < end) {
    let middle = (first + end) / 2u;
    let found = segment(place, middle, 0);
    if (select(found >= own, found > own, after)) { end = middle; } else { first = middle + 1u; }
  }
  return first;
}

// The other tokens that any of the own tile may be paired with: [x, y). Tiles outside are not walked over.
fn reach(place: Place) -> vec2u {
  let last = min(place.own + OWN, TOKENS) - 1u;
#if SLIDING
  let low = select(0u, place.own + 1u - WINDOW, place.own + 1u > WINDOW);
  let high = min(TOKENS, last + WINDOW);
#else
  let low = 0u;
  let high = TOKENS;
#endif
#if CAUSAL
#if BACKWARD_KV
  return vec2u(place.own, boundary(place, last, true, last + 1u, high));
#else
  return vec2u(boundary(place, place.own, false, low, place.own), last + 1u);
#endif
#else
  return vec2u(boundary(place, place.own, false, low, place.own), boundary(place, last, true, last + 1u, high));
#endif
}

// Which of a strip's four own rows are paired with that other token.
fn visible(place: Place, own_segments: vec4i, strip: u32, token: u32) -> vec4<bool> {
  let own = vec4u(place.own + 4u * strip) + vec4u(0u, 1u, 2u, 3u);
  var seen = own_segments == vec4i(segment(place, token, -3));
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

fn strip_segments(place: Place, strip: u32) -> vec4i {
  let token = place.own + 4u * strip;
  return vec4i(segment(place, token, -2), segment(place, token + 1u, -2), segment(place, token + 2u, -2), segment(place, token + 3u, -2));
}

#repeat w SIDES
// own·other over the whole head: entry b·PAIRS + j for the four rows of strip b and the j-th other row.
fn products$w(place: Place, lid: u32) -> array<vec4f, BANDS * PAIRS> {
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
      if (d < DEPTH) { x = load_own$w(own_at(place, i / SLICE), d); }
      tile[(i % SLICE) * OWN_STRIDE + i / SLICE] = x;
    }
    for (var i = lid; i < OTHER * SLICE; i += THREADS) {
      let d = start + i % SLICE;
      var x = vec4f();
      if (d < DEPTH) { x = load_other$w(other_at(place, i / SLICE), d); }
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
  let other_at$j = other_at(place, col + COLS * $ju);
#end
#repeat b BANDS
#repeat i 4
  let own_at$b_$i = own_at(place, 4u * (strip + $bu) + $iu);
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
// Adds to `sums` the other rows' vectors, weighed: entry (4b + i)·SPAN + c is for row i of strip b and the c-th column.
fn weigh$w(place: Place, lid: u32, weights: array<vec4f, BANDS * PAIRS>, sums: ptr<function, array<vec4f, 4u * BANDS * SPAN>>) {
  let strip = lid / COLS * BANDS;
  let col = lid % COLS;
  workgroupBarrier();
#repeat b BANDS
#repeat j PAIRS
  tile[(col + COLS * $ju) * STRIPS + strip + $bu] = weights[$b * PAIRS + $ju];
#end
#repeat i 4
#repeat c SPAN
  var sum$b_$i_$c = (*sums)[(4 * $b + $i) * SPAN + $cu];
#end
#end
#end
#if STAGED
  for (var start = 0u; start < OTHER; start += ROWS) {
    if (start > 0u) { workgroupBarrier(); }
    for (var i = lid; i < ROWS * COLUMNS; i += THREADS) {
      tile[VECTORS_AT + i] = load_other$w(other_at(place, start + i / COLUMNS), min(place.column + i % COLUMNS, DEPTH - 1u));
    }
    workgroupBarrier();
    for (var row = start; row < start + ROWS; row++) {
#repeat c SPAN
      let x$c = tile[VECTORS_AT + (row - start) * COLUMNS + min(col + COLS * $cu, COLUMNS - 1u)];
#end
#else
  workgroupBarrier();
  {
    for (var row = 0u; row < OTHER; row++) {
      let at = other_at(place, row);
#repeat c SPAN
      let x$c = load_other$w(at, min(place.column + col + COLS * $cu, DEPTH - 1u));
#end
#endif
#repeat b BANDS
      let weight$b = tile[row * STRIPS + strip + $bu];
#repeat i 4
#repeat c SPAN
      sum$b_$i_$c = fma(vec4f(weight$b[$i]), x$c, sum$b_$i_$c);
#end
#end
#end
    }
  }
#repeat b BANDS
#repeat i 4
#repeat c SPAN
  (*sums)[(4 * $b + $i) * SPAN + $cu] = sum$b_$i_$c;
#end
#end
#end
}
#end

// Where in its head the c-th column of an invocation is stored; DEPTH or more when nowhere.
fn column_of(place: Place, lid: u32, c: u32) -> u32 {
  let column = lid % COLS + COLS * c;
  return select(DEPTH, place.column + column, column < COLUMNS);
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
  let part = wid.y % PARTS;
  var place = Place(wid.z * TOKENS, wid.x / BLOCKS * OWN, 0u, wid.y / PARTS, 0u, wid.x % BLOCKS * COLUMNS);
  let others = reach(place);
#repeat b BANDS
  let segments$b = strip_segments(place, strip + $bu);
#end
  var dk: array<vec4f, 4u * BANDS * SPAN>;
  var dv: array<vec4f, 4u * BANDS * SPAN>;
  for (var member = part * MEMBERS; member < (part + 1u) * MEMBERS; member++) {
    place.other_head = place.own_head * (OTHER_HEADS / OWN_HEADS) + member;
    for (place.other = others.x; place.other < others.y; place.other += OTHER) {
      var p = products0(place, lid);
      var ds = products1(place, lid);
#repeat j PAIRS
      let row$j = lid % COLS + COLS * $ju;
      let stat$j = stats[other_at(place, row$j)];
#repeat b BANDS
      let seen$b_$j = visible(place, segments$b, strip + $bu, place.other + row$j);
      p[$b * PAIRS + $ju] = exp(select(vec4f(LOWEST), p[$b * PAIRS + $ju] * SCALE - stat$j.x, seen$b_$j));
      ds[$b * PAIRS + $ju] = p[$b * PAIRS + $ju] * (ds[$b * PAIRS + $ju] - stat$j.y) * SCALE;
#end
#end
      weigh1(place, lid, p, &dv);
      weigh0(place, lid, ds, &dk);
    }
  }
#repeat b BANDS
#repeat i 4
  let token$b_$i = place.own + 4u * (strip + $bu) + $iu;
  let head$b_$i = (part * ALL_TOKENS + place.row + token$b_$i) * OWN_HEADS + place.own_head;
#repeat c SPAN
  if (token$b_$i < TOKENS && column_of(place, lid, $cu) < DEPTH) {
    store0(head$b_$i, column_of(place, lid, $cu), dk[(4 * $b + $i) * SPAN + $cu]);
    store1(head$b_$i, column_of(place, lid, $cu), dv[(4 * $b + $i) * SPAN + $cu]);
  }
#end
#end
#end
}
#else

// Stores a vector of own row `row`, if that row and column exist.
fn store(place: Place, lid: u32, row: u32, c: u32, x: vec4f) {
  let d = column_of(place, lid, c);
  if (place.own + row < TOKENS && d < DEPTH) { store0(own_at(place, row), d, x); }
}

#if FORWARD
// Values of a strip's invocations, where all of them can read them.
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
  // The last queries see the most keys: they go first, so that the device stays full to the end.
  let own = (TILES - 1u - wid.x / BLOCKS) * OWN;
#else
  let own = wid.x / BLOCKS * OWN;
#endif
  var place = Place(wid.z * TOKENS, own, 0u, wid.y, wid.y / (OWN_HEADS / OTHER_HEADS), wid.x % BLOCKS * COLUMNS);
  let others = reach(place);
#repeat b BANDS
  let segments$b = strip_segments(place, strip + $bu);
#end
  var sums: array<vec4f, 4u * BANDS * SPAN>;
#if FORWARD
  var top: array<vec4f, BANDS>;
  var total: array<vec4f, BANDS>;
#repeat b BANDS
  top[$b] = vec4f(LOWEST);
#end
  for (place.other = others.x; place.other < others.y; place.other += OTHER) {
    var s = products0(place, lid);
    var highest = top;
#repeat j PAIRS
#repeat b BANDS
    let seen$b_$j = visible(place, segments$b, strip + $bu, place.other + lid % COLS + COLS * $ju);
    s[$b * PAIRS + $ju] = select(vec4f(LOWEST), s[$b * PAIRS + $ju] * SCALE, seen$b_$j);
    highest[$b] = max(highest[$b], s[$b * PAIRS + $ju]);
#end
#end
    highest = strip_max(strip, lid, highest);
#repeat b BANDS
    let fade$b = exp(top[$b] - highest[$b]);
    total[$b] *= fade$b;
#repeat j PAIRS
    s[$b * PAIRS + $ju] = select(vec4f(0.0), exp(s[$b * PAIRS + $ju] - highest[$b]), s[$b * PAIRS + $ju] > vec4f(LOWEST));
    total[$b] += s[$b * PAIRS + $ju];
#end
#repeat i 4
#repeat c SPAN
    sums[(4 * $b + $i) * SPAN + $cu] *= fade$b[$i];
#end
#end
#end
    top = highest;
    weigh1(place, lid, s, &sums);
  }
  total = strip_sum(strip, lid, total);
#repeat b BANDS
#repeat i 4
#repeat c SPAN
  store(place, lid, 4u * (strip + $bu) + $iu, $cu, sums[(4 * $b + $i) * SPAN + $cu] / total[$b][$i]);
#end
  if (lid % COLS == 0u && place.column == 0u && own + 4u * (strip + $bu) + $iu < TOKENS) {
    lse[own_at(place, 4u * (strip + $bu) + $iu)] = top[$b][$i] + log(total[$b][$i]);
  }
#end
#end
#else
#repeat b BANDS
#repeat i 4
  let stat$b_$i = stats[own_at(place, 4u * (strip + $bu) + $iu)];
#end
  let lse$b = vec4f(stat$b_0.x, stat$b_1.x, stat$b_2.x, stat$b_3.x);
  let delta$b = vec4f(stat$b_0.y, stat$b_1.y, stat$b_2.y, stat$b_3.y);
#end
  for (place.other = others.x; place.other < others.y; place.other += OTHER) {
    var ds = products0(place, lid);
    let dp = products1(place, lid);
#repeat j PAIRS
#repeat b BANDS
    let seen$b_$j = visible(place, segments$b, strip + $bu, place.other + lid % COLS + COLS * $ju);
    let p$b_$j = exp(select(vec4f(LOWEST), ds[$b * PAIRS + $ju] * SCALE - lse$b, seen$b_$j));
    ds[$b * PAIRS + $ju] = p$b_$j * (dp[$b * PAIRS + $ju] - delta$b) * SCALE;
#end
#end
    weigh0(place, lid, ds, &sums);
  }
#repeat b BANDS
#repeat i 4
#repeat c SPAN
  store(place, lid, 4u * (strip + $bu) + $iu, $cu, sums[(4 * $b + $i) * SPAN + $cu]);
#end
#end
#end
#endif
}
#endif
