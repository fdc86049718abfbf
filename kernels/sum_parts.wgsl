// y = FACTOR·Σ parts + bias + addend: the second stage of sums that are taken in spans. Parts are added first to last.
#if VECTOR
alias E = vec4f;
#else
alias E = f32;
#endif

@group(0) @binding(0) var<storage, read_write> y: array<E>;
@group(0) @binding(1) var<storage, read> parts: array<E>;
#if BIAS
@group(0) @binding(2) var<storage, read> bias: array<E>;
#endif
#if ADDEND
@group(0) @binding(ADDEND_BINDING) var<storage, read> addend: array<E>;
#endif

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let i = (group.y * GRID + group.x) * 256u + thread;
  if (i >= COUNT) { return; }
  var sum = parts[i];
  for (var s = 1u; s < SPANS; s++) { sum += parts[s * COUNT + i]; }
  sum *= FACTOR;
#if BIAS
  sum += bias[i % WIDTH];
#endif
#if ADDEND
  sum += addend[i];
#endif
#if ACCUMULATE
  sum += y[i];
#endif
  y[i] = sum;
}
