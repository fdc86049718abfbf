// Rotary position embedding in the rotate_half convention: element i of a head is rotated with element i + D/2. HALF is D/2 in
// elements E. PAIR: a second tensor `other` is rotated in the same dispatch; its heads follow those of the first.
#if VECTOR
alias E = vec4f;
#else
alias E = f32;
#endif

@group(0) @binding(0) var<storage, read> positions: array<i32>;
@group(0) @binding(1) var<storage, read> cosines: array<E>;
@group(0) @binding(2) var<storage, read> sines: array<E>;
#tensor 3 read x
#tensor 4 write y
#if PAIR
#tensor 5 read other
#tensor 6 write other_y
#endif

struct Rotation { cosine: E, sine: E }

fn rotation_of(token: u32, i: u32) -> Rotation {
  let entry = u32(positions[token]) * HALF + i;
#if INVERSE
  return Rotation(cosines[entry], -sines[entry]);
#else
  return Rotation(cosines[entry], sines[entry]);
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
    let t = rotation_of(head / OTHER_HEADS, i);
    let at = head * 2u * HALF + i;
    let a = other_at(at);
    let b = other_at(at + HALF);
    put_other_y(at, a * t.cosine - b * t.sine);
    put_other_y(at + HALF, b * t.cosine + a * t.sine);
    return;
  }
#endif
  let head = index / HALF;
  let t = rotation_of(head / HEADS, i);
  let at = head * 2u * HALF + i;
  let a = x_at(at);
  let b = x_at(at + HALF);
  put_y(at, a * t.cosine - b * t.sine);
  put_y(at + HALF, b * t.cosine + a * t.sine);
}
