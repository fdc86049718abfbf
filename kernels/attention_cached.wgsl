// Decoding attention. A workgroup makes one head of one query; its position sees the cache up to itself. Keys come 64 at a
// time, one to a thread, with an online softmax (arXiv 2307.08691); then each thread sums its own columns of the values.
@group(0) @binding(0) var<storage, read> q: array<f32>;
@group(0) @binding(1) var<storage, read> cache_k: array<f32>;
@group(0) @binding(2) var<storage, read> cache_v: array<f32>;
@group(0) @binding(3) var<storage, read> start: array<i32>;
@group(0) @binding(4) var<storage, read_write> o: array<f32>;

const THREADS = 64u;
const LOWEST = -1e30;

var<workgroup> query: array<f32, HEAD_SIZE>;
var<workgroup> weights: array<f32, 64>;
var<workgroup> reduced: array<f32, 64>;

// The same for all threads; sums and maxima in a fixed order.
fn largest(thread: u32, value: f32) -> f32 {
  reduced[thread] = value;
  for (var half = THREADS / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (thread < half) { reduced[thread] = max(reduced[thread], reduced[thread + half]); }
  }
  let result = workgroupUniformLoad(&reduced[0]);
  return result;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let head = group.x;
  let token = group.y;
  let q_at = (token * HEADS + head) * HEAD_SIZE;
  let kv_at = head / (HEADS / KV_HEADS) * HEAD_SIZE;
  let end = u32(start[0]) + token + 1u;
  let seen = min(end, CACHE_ROWS);
  for (var d = thread; d < HEAD_SIZE; d += THREADS) { query[d] = q[q_at + d] * SCALE; }
  workgroupBarrier();
  var top = LOWEST;
  var total = 0.0;
  var sums: array<f32, SPAN>;
  for (var base = select(0u, end - min(end, WINDOW), WINDOW > 0u); base < seen; base += THREADS) {
    let position = base + thread;
    var score = LOWEST;
    if (position < seen) {
      let at = position * KV_HEADS * HEAD_SIZE + kv_at;
      score = 0.0;
      for (var d = 0u; d < HEAD_SIZE; d++) { score = fma(query[d], cache_k[at + d], score); }
    }
    let next = max(top, largest(thread, score));
    weights[thread] = select(0.0, exp(score - next), position < seen);
    workgroupBarrier();
    let shrink = exp(top - next);
    top = next;
    total *= shrink;
    for (var c = 0u; c < SPAN; c++) { sums[c] *= shrink; }
    let count = min(THREADS, seen - base);
    for (var i = 0u; i < count; i++) {
      let weight = weights[i];
      total += weight;
      let at = (base + i) * KV_HEADS * HEAD_SIZE + kv_at;
      for (var c = 0u; c < SPAN; c++) {
        let d = thread + c * THREADS;
        if (d < HEAD_SIZE) { sums[c] = fma(weight, cache_v[at + d], sums[c]); }
      }
    }
    workgroupBarrier();
  }
  for (var c = 0u; c < SPAN; c++) {
    let d = thread + c * THREADS;
    if (d < HEAD_SIZE) { o[q_at + d] = sums[c] / total; }
  }
}
