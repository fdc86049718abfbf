// nll = log Σ exp(logits) − logits[label] of COUNT rows of WIDTH logits, 0 without a label, or its gradient dnll·(softmax − onehot)
// (BACKWARD). One invocation per row: the rows of class heads are short.
@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<i32>;
#if BACKWARD
@group(0) @binding(2) var<storage, read> dnll: array<f32>;
@group(0) @binding(3) var<storage, read_write> dlogits: array<f32>;
#else
@group(0) @binding(2) var<storage, read_write> nll: array<f32>;
#endif

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lid: u32) {
  let row = (wid.y * GRID + wid.x) * 64u + lid;
  if (row >= COUNT) { return; }
  let first = row * WIDTH;
  let label = labels[row];
  if (label < 0) {
#if BACKWARD
    for (var i = 0u; i < WIDTH; i++) { dlogits[first + i] = 0.0; }
#else
    nll[row] = 0.0;
#endif
    return;
  }
  var top = logits[first];
  for (var i = 1u; i < WIDTH; i++) { top = max(top, logits[first + i]); }
  var total = 0.0;
  for (var i = 0u; i < WIDTH; i++) { total += exp(logits[first + i] - top); }
#if BACKWARD
  let d = dnll[row];
  for (var i = 0u; i < WIDTH; i++) {
    let onehot = select(0.0, 1.0, i == u32(label));
    dlogits[first + i] = d * (exp(logits[first + i] - top) / total - onehot);
  }
#else
  nll[row] = log(total) + (top - logits[first + u32(label)]);
#endif
}
