// y = x/(1 − RATE) where the element's random number is at least RATE, else 0. random.wgsl must precede this source.
#tensor 0 read x
#tensor 1 write y
@group(0) @binding(2) var<storage, read> seed: array<u32>;

#if VECTOR
alias E = vec4f;

fn draw(i: u32) -> E {
  let e = FIRST + 4u * i;
  return vec4f(draw_one(e), draw_one(e + 1u), draw_one(e + 2u), draw_one(e + 3u));
}
#else
alias E = f32;

fn draw(i: u32) -> E { return draw_one(FIRST + i); }
#endif

fn draw_one(element: u32) -> f32 {
  return uniform_random(seed[0], seed[1], STREAM, element);
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wid.y * GRID + wid.x) * 256u + lid;
  if (i < COUNT) { put_y(i, select(E(0.0), x_at(i) * SCALE, draw(i) >= E(RATE))); }
}
