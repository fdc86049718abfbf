// total = Σ weight·loss of the TOKENS tokens with a label, in one workgroup. The sum has a fixed order: each invocation adds its elements
// first to last, then the invocations are added (lanes.wgsl).
@group(0) @binding(0) var<storage, read> losses: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<i32>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;
@group(0) @binding(3) var<storage, read_write> total: array<f32>;

@compute @workgroup_size(THREADS)
fn main(@builtin(local_invocation_index) thread: u32) {
  var sum = 0.0;
  for (var i = thread; i < TOKENS; i += THREADS) {
    if (labels[i] >= 0) { sum += weights[i] * losses[i]; }
  }
  let all = lane_sum(sum, thread);
  if (thread == 0u) { total[0] = all; }
}
