// Entry point `rows`: KL(q ‖ p) of each row of a chunk of logits, one workgroup per row, with p = softmax(logits / TEMPERATURE) and
// q = softmax(teacher / TEMPERATURE); 0 where the label is −1. TRAINING overwrites the logits with their derivative,
// weight/TEMPERATURE·(p − q). SOFTCAP, TEACHER_SOFTCAP: the logits z of that model become CAP·tanh(z/CAP).
// Sums have a fixed order: each invocation adds its elements first to last, then the invocations are added (lanes.wgsl).
#if VECTOR
alias E = vec4f;
#else
alias E = f32;
#endif

@group(0) @binding(0) var<storage, read_write> logits: array<E>;
@group(0) @binding(1) var<storage, read> teacher: array<E>;
@group(0) @binding(2) var<storage, read_write> kl: array<f32>;
@group(0) @binding(3) var<storage, read> labels: array<i32>;
#if TRAINING
@group(0) @binding(4) var<storage, read> weights: array<f32>;
#endif

#if VECTOR
fn max_of(x: E) -> f32 { return max(max(x.x, x.y), max(x.z, x.w)); }
fn sum_of(x: E) -> f32 { return (x.x + x.y) + (x.z + x.w); }
#else
fn max_of(x: E) -> f32 { return x; }
fn sum_of(x: E) -> f32 { return x; }
#endif

fn logit(i: u32) -> E {
#if SOFTCAP
  return CAP * bounded(logits[i] / CAP);
#else
  return logits[i];
#endif
}

fn teacher_logit(i: u32) -> E {
#if TEACHER_SOFTCAP
  return TEACHER_CAP * bounded(teacher[i] / TEACHER_CAP);
#else
  return teacher[i];
#endif
}

@compute @workgroup_size(THREADS)
fn rows(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let first = group.x * WIDTH;
  if (labels[group.x] < 0) {
    if (thread == 0u) { kl[group.x] = 0.0; }
#if TRAINING
    for (var i = thread; i < WIDTH; i += THREADS) { logits[first + i] = E(); }
#endif
    return;
  }
  let start = first + min(thread, WIDTH - 1u);
  var peak = logit(start);
  var teacher_peak = teacher_logit(start);
  for (var i = thread + THREADS; i < WIDTH; i += THREADS) {
    peak = max(peak, logit(first + i));
    teacher_peak = max(teacher_peak, teacher_logit(first + i));
  }
  let top = E(lane_max(max_of(peak), thread));
  let teacher_top = E(lane_max(max_of(teacher_peak), thread));
  var sum = E();
  var teacher_sum = E();
  for (var i = thread; i < WIDTH; i += THREADS) {
    sum += exp((logit(first + i) - top) / TEMPERATURE);
    teacher_sum += exp((teacher_logit(first + i) - teacher_top) / TEMPERATURE);
  }
  let total = lane_sum(sum_of(sum), thread);
  let teacher_total = lane_sum(sum_of(teacher_sum), thread);
  let shift = E(log(total) - log(teacher_total));
#if TRAINING
  let slope = weights[group.x] / TEMPERATURE;
#endif
  var divergence = E();
  for (var i = thread; i < WIDTH; i += THREADS) {
    let value = logit(first + i);
    let z = (value - top) / TEMPERATURE;
    let t = (teacher_logit(first + i) - teacher_top) / TEMPERATURE;
    let q = exp(t) / teacher_total;
    divergence += q * ((t - z) + shift);
#if TRAINING
    var derivative = slope * (exp(z) / total - q);
#if SOFTCAP
    derivative *= 1.0 - (value / CAP) * (value / CAP);
#endif
    logits[first + i] = derivative;
#endif
  }
  let all = lane_sum(sum_of(divergence), thread);
  if (thread == 0u) { kl[group.x] = all; }
}
