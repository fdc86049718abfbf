// y = silu(gate)·up, and its gradient (BACKWARD).
#if VECTOR
alias E = vec4f;
#else
alias E = f32;
#endif

#tensor 0 read gate
#tensor 1 read up
#if BACKWARD
#tensor 2 read dy
#tensor 3 write dgate
#tensor 4 write dup
#else
#tensor 2 write y
#endif

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wid.y * GRID + wid.x) * 256u + lid;
  if (i >= COUNT) { return; }
  let g = gate_at(i);
  // The argument of exp is never positive: WGSL does not define the result of an overflow.
  let e = exp(-abs(g));
  let larger = 1.0 / (1.0 + e);
  let smaller = e * larger;
  let sigmoid = select(smaller, larger, g >= E(0.0));
#if BACKWARD
  let complement = select(larger, smaller, g >= E(0.0));
  let d = dy_at(i);
  put_dgate(i, d * up_at(i) * sigmoid * (1.0 + g * complement));
  put_dup(i, d * g * sigmoid);
#else
  put_y(i, g * sigmoid * up_at(i));
#endif
}
