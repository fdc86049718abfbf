// Writes row m of k and v to row rows[m] of the caches in f16, two to a word. Rows outside the cache are skipped.
@group(0) @binding(0) var<storage, read_write> cache_k: array<u32>;
@group(0) @binding(1) var<storage, read_write> cache_v: array<u32>;
@group(0) @binding(2) var<storage, read> k: array<vec2f>;
@group(0) @binding(3) var<storage, read> v: array<vec2f>;
@group(0) @binding(4) var<storage, read> rows: array<i32>;

const LARGEST = 65504.0;
const SMALLEST_NORMAL = 0x1p-14;

// The nearest f16 (ties to even) as an f32. pack2x16float alone may round in either direction.
fn round_to_f16(x: f32) -> f32 {
  let bits = bitcast<u32>(clamp(x, -LARGEST, LARGEST));
  let nearest = bitcast<f32>((bits + 0xfffu + ((bits >> 13u) & 1u)) & 0xffffe000u);
  return select(nearest, round(x * 0x1p24) * 0x1p-24, abs(x) < SMALLEST_NORMAL);
}

fn packed(pair: vec2f) -> u32 { return pack2x16float(vec2f(round_to_f16(pair.x), round_to_f16(pair.y))); }

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wid.y * GRID + wid.x) * 64u + lid;
  if (i >= COUNT) { return; }
  let row = rows[i / WORDS];
  if (row < 0 || u32(row) >= arrayLength(&cache_k) / WORDS) { return; }
  let at = u32(row) * WORDS + i % WORDS;
  cache_k[at] = packed(k[i]);
  cache_v[at] = packed(v[i]);
}
