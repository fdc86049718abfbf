// Entry point `rows`: softmax and negative log-likelihood of each row of a chunk of logits, one workgroup per row. TRAINING overwrites
// the logits with their derivative, weight·(softmax − onehot). SOFTCAP: the logits z become CAP·tanh(z/CAP). Also the entropy of the softmax,
// log Σe − Σ e·(z − top)/Σe with e = exp(z − top), and whether the label has the largest logit.
// Sums have a fixed order: each invocation adds its elements first to last, then the invocations are added (lanes.wgsl).
#if VECTOR
alias E = vec4f;
#else
alias E = f32;
#endif

@group(0) @binding(0) var<storage, read_write> logits: array<E>;
@group(0) @binding(1) var<storage, read_write> nll: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<i32>;
@group(0) @binding(3) var<storage, read_write> entropy: array<f32>;
@group(0) @binding(4) var<storage, read_write> hits: array<f32>;
#if TRAINING
@group(0) @binding(5) var<storage, read> weights: array<f32>;
#endif

#if VECTOR
fn max_of(x: E) -> f32 { return max(max(x.x, x.y), max(x.z, x.w)); }
fn sum_of(x: E) -> f32 { return (x.x + x.y) + (x.z + x.w); }
fn one_at(label: u32, i: u32) -> E { return select(vec4f(), vec4f(1.0), vec4u(label) == 4u * i + vec4u(0u, 1u, 2u, 3u)); }
#else
fn max_of(x: E) -> f32 { return x; }
fn sum_of(x: E) -> f32 { return x; }
fn one_at(label: u32, i: u32) -> E { return select(0.0, 1.0, label == i); }
#endif

fn logit(i: u32) -> E {
#if SOFTCAP
  // tanh is 1 in f32 from 10 on, and some drivers return NaN for large arguments. NaN stays NaN.
  let z = logits[i] / CAP;
  return CAP * tanh(select(z, 10.0 * sign(z), abs(z) > E(10.0)));
#else
  return logits[i];
#endif
}

fn logit_of(row: u32, label: u32) -> f32 {
#if VECTOR
  return logit(row * WIDTH + label / 4u)[label % 4u];
#else
  return logit(row * WIDTH + label);
#endif
}

@compute @workgroup_size(THREADS)
fn rows(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let row = group.x;
  let label = labels[row];
  if (label < 0) {
    if (thread == 0u) {
      nll[row] = 0.0;
      entropy[row] = 0.0;
      hits[row] = 0.0;
    }
#if TRAINING
    for (var i = thread; i < WIDTH; i += THREADS) { logits[row * WIDTH + i] = E(); }
#endif
    return;
  }
  var peak = logit(row * WIDTH + min(thread, WIDTH - 1u));
  for (var i = thread + THREADS; i < WIDTH; i += THREADS) { peak = max(peak, logit(row * WIDTH + i)); }
  let top = lane_max(max_of(peak), thread);
  var sum = E();
  var moment = E();
  for (var i = thread; i < WIDTH; i += THREADS) {
    let below = logit(row * WIDTH + i) - E(top);
    let e = exp(below);
    sum += e;
    moment += e * below;
  }
  let total = lane_sum(sum_of(sum), thread);
  let moments = lane_sum(sum_of(moment), thread);
  if (thread == 0u) {
    let own = logit_of(row, u32(label));
    nll[row] = log(total) + (top - own);
    entropy[row] = log(total) - moments / total;
    hits[row] = select(0.0, 1.0, own >= top);
  }
#if TRAINING
  // The logit of the label is read above; this barrier orders that read before the writes below.
  storageBarrier();
  let weight = weights[row];
  for (var i = thread; i < WIDTH; i += THREADS) {
    let z = logit(row * WIDTH + i);
    let softmax = exp(z - E(top)) / total;
    var derivative = weight * (softmax - one_at(u32(label), i));
#if SOFTCAP
    derivative *= 1.0 - (z / CAP) * (z / CAP);
#endif
    logits[row * WIDTH + i] = derivative;
  }
#endif
}
