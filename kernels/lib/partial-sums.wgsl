// y = FACTOR·Σ partials + bias + addend. PARTIALS matrices of COUNT elements lie one after the other and are added in that order.
#if VECTOR
alias E = vec4f;
#else
alias E = f32;
#endif

#tensor 0 update y
@group(0) @binding(1) var<storage, read> partials: array<E>;
#if BIAS
@group(0) @binding(2) var<storage, read> bias: array<E>;
#endif
#if ADDEND
#tensor ADDEND_BINDING read addend
#endif

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let i = (group.y * GRID + group.x) * 256u + thread;
  if (i >= COUNT) { return; }
  var sum = partials[i];
  for (var p = 1u; p < PARTIALS; p++) { sum += partials[p * COUNT + i]; }
  sum *= FACTOR;
#if BIAS
  sum += bias[i % WIDTH];
#endif
#if ADDEND
  sum += addend_at(i);
#endif
#if ACCUMULATE
  sum += y_at(i);
#endif
  put_y(i, sum);
}
