// Rotary position embedding, the rotate_half convention: element i of a head turns together with element i + D/2. The heads of a
// second tensor, if there is one, come after those of the first.
#if VECTOR
alias E = vec4f;
#else
alias E = f32;
#endif

@group(0) @binding(0) var<storage, read> positions: array<i32>;
@group(0) @binding(1) var<storage, read> cosines: array<E>;
@group(0) @binding(2) var<storage, read> sines: array<E>;
@group(0) @binding(3) var<storage, read> x: array<E>;
@group(0) @binding(4) var<storage, read_write> y: array<E>;
#if PAIR
@group(0) @binding(5) var<storage, read> other: array<E>;
@group(0) @binding(6) var<storage, read_write> other_y: array<E>;
#endif

struct Angle { cosine: E, sine: E }

fn angle_of(token: u32, i: u32) -> Angle {
  let entry = u32(positions[token]) * HALF + i;
#if INVERSE
  return Angle(cosines[entry], -sines[entry]);
#else
  return Angle(cosines[entry], sines[entry]);
#endif
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lid: u32) {
  let index = (wid.y * GRID + wid.x) * 256u + lid;
  if (index >= COUNT) { return; }
  let i = index % HALF;
#if PAIR
  if (index >= FIRST) {
    let head = (index - FIRST) / HALF;
    let t = angle_of(head / OTHER_HEADS, i);
    let at = head * 2u * HALF + i;
    let a = other[at];
    let b = other[at + HALF];
    other_y[at] = a * t.cosine - b * t.sine;
    other_y[at + HALF] = b * t.cosine + a * t.sine;
    return;
  }
#endif
  let head = index / HALF;
  let t = angle_of(head / HEADS, i);
  let at = head * 2u * HALF + i;
  let a = x[at];
  let b = x[at + HALF];
  y[at] = a * t.cosine - b * t.sine;
  y[at + HALF] = b * t.cosine + a * t.sine;
}
