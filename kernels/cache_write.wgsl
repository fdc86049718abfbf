// Copies the rows of x into the cache from row `start` on; rows past its end are dropped.
#if VECTOR
alias E = vec4f;
#else
alias E = f32;
#endif

@group(0) @binding(0) var<storage, read_write> cache: array<E>;
@group(0) @binding(1) var<storage, read> x: array<E>;
@group(0) @binding(2) var<storage, read> start: array<i32, 1>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3u, @builtin(local_invocation_index) lid: u32) {
  let i = (wid.y * GRID + wid.x) * 64u + lid;
  let row = u32(start[0]) + i / WIDTH;
  if (i < COUNT && row < CACHE_ROWS) { cache[row * WIDTH + i % WIDTH] = x[i]; }
}
