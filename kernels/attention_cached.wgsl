// Attention for decoding. A workgroup computes one head of one query, which sees its sequence up to its own position. Keys are scored
// 64 at a time, one per invocation, with an online softmax (arXiv 2307.08691); then each invocation sums a word of the values (two
// columns). When a head has fewer words than the workgroup has invocations, GROUPS groups of LANES_V invocations share the keys.
@group(0) @binding(0) var<storage, read> q: array<f32>;
#if WIDE_KEYS
@group(0) @binding(1) var<storage, read> cache_k: array<vec4u>;
#else
@group(0) @binding(1) var<storage, read> cache_k: array<u32>;
#endif
@group(0) @binding(2) var<storage, read> cache_v: array<u32>;
@group(0) @binding(3) var<storage, read> rows: array<i32>;
@group(0) @binding(4) var<storage, read> positions: array<i32>;
@group(0) @binding(5) var<storage, read_write> o: array<vec2f>;

const LOWEST = -1e30;
const WORDS = HEAD_SIZE / 2u;

#if WIDE_KEYS
var<workgroup> query: array<vec4f, HEAD_SIZE / 4u>;

// The score of a key, eight numbers at a time; `row` is in heads.
fn score_of(row: u32) -> f32 {
  var sums = vec4f();
  for (var d = 0u; d < HEAD_SIZE / 8u; d++) {
    let key = cache_k[row * (HEAD_SIZE / 8u) + d];
    sums = fma(query[2u * d], vec4f(unpack2x16float(key.x), unpack2x16float(key.y)), sums);
    sums = fma(query[2u * d + 1u], vec4f(unpack2x16float(key.z), unpack2x16float(key.w)), sums);
  }
  return (sums.x + sums.y) + (sums.z + sums.w);
}
#else
var<workgroup> query: array<vec2f, WORDS>;

fn score_of(row: u32) -> f32 {
  var sums = vec2f();
  for (var d = 0u; d < WORDS; d++) { sums = fma(query[d], unpack2x16float(cache_k[row * WORDS + d]), sums); }
  return sums.x + sums.y;
}
#endif

var<workgroup> weights: array<f32, THREADS>;
// Of each invocation: the sums of two columns, and the sum of the weights.
var<workgroup> group_sums: array<vec3f, THREADS>;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let head = group.x;
  let token = group.y;
  let q_at = (token * HEADS + head) * HEAD_SIZE;
  let seen = select(0u, u32(positions[token]) + 1u, rows[token] >= 0);
  // Index, in heads, of the first row of the sequence for this head.
  let first = (u32(rows[token]) + 1u - seen) * KV_HEADS + head / (HEADS / KV_HEADS);
#if WIDE_KEYS
  for (var d = thread; d < HEAD_SIZE / 4u; d += THREADS) {
    let at = q_at + 4u * d;
    query[d] = vec4f(q[at], q[at + 1u], q[at + 2u], q[at + 3u]) * SCALE;
  }
#else
  for (var d = thread; d < WORDS; d += THREADS) { query[d] = vec2f(q[q_at + 2u * d], q[q_at + 2u * d + 1u]) * SCALE; }
#endif
  workgroupBarrier();
  let lane_group = thread / LANES_V;
  let column = thread % LANES_V;
  var top = LOWEST;
  var total = 0.0;
  var sums: array<vec2f, WORDS_EACH>;
  for (var base = select(0u, seen - min(seen, WINDOW), WINDOW > 0u); base < seen; base += THREADS) {
    let present = base + thread < seen;
    var score = LOWEST;
    if (present) { score = capped(score_of(first + (base + thread) * KV_HEADS)); }
    let next = max(top, lane_max(score, thread));
    weights[thread] = select(0.0, exp(score - next), present);
    workgroupBarrier();
    let rescale = exp(top - next);
    top = next;
    total *= rescale;
    for (var c = 0u; c < WORDS_EACH; c++) { sums[c] *= rescale; }
    let count = min(THREADS, seen - base);
    for (var i = lane_group; i < count; i += GROUPS) {
      let weight = weights[i];
      total += weight;
      let at = (first + (base + i) * KV_HEADS) * WORDS;
      for (var c = 0u; c < WORDS_EACH; c++) {
        let d = column + c * THREADS;
        if (d < WORDS) { sums[c] = fma(vec2f(weight), unpack2x16float(cache_v[at + d]), sums[c]); }
      }
    }
    workgroupBarrier();
  }
#if SHARED
  group_sums[thread] = vec3f(sums[0], total);
  workgroupBarrier();
  if (lane_group > 0u) { return; }
  for (var i = 1u; i < GROUPS; i++) {
    let other = group_sums[thread + i * LANES_V];
    sums[0] += other.xy;
    total += other.z;
  }
#endif
  for (var c = 0u; c < WORDS_EACH; c++) {
    let d = column + c * THREADS;
    if (d < WORDS) { o[q_at / 2u + d] = select(vec2f(), sums[c] / total, seen > 0u); }
  }
}
