// For each head of each token, stores (log-sum-exp, delta = Σ o∘do), which the backward kernels read.
#if VECTOR
alias E = vec4f;

fn sum(v: E) -> f32 { return (v.x + v.y) + (v.z + v.w); }
#else
alias E = f32;

fn sum(v: E) -> f32 { return v; }
#endif

#tensor 0 read o
#tensor 1 read dout
@group(0) @binding(2) var<storage, read> lse: array<f32>;
@group(0) @binding(3) var<storage, read_write> stats: array<vec2f>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lid: u32) {
  let head = (wid.y * GRID + wid.x) * 64u + lid;
  if (head >= COUNT) { return; }
  var delta = 0.0;
  for (var i = head * WIDTH; i < (head + 1u) * WIDTH; i++) { delta += sum(o_at(i) * dout_at(i)); }
  stats[head] = vec2f(lse[head], delta);
}
