// Counter-based random numbers with the same bits as src/core/random.ts (PCG4D, Jarzynski and Olano 2020).
fn random_bits(seed: u32, step: u32, stream: u32, index: u32) -> u32 {
  var v = vec4u(seed, step, stream, index) * 1664525u + 1013904223u;
  v.x += v.y * v.w; v.y += v.z * v.x; v.z += v.x * v.y; v.w += v.y * v.z;
  v ^= v >> vec4u(16u);
  v.x += v.y * v.w; v.y += v.z * v.x; v.z += v.x * v.y; v.w += v.y * v.z;
  return v.x;
}

// Uniform in [0, 1), a multiple of 2^-24, which is exact in f32.
fn uniform_random(seed: u32, step: u32, stream: u32, index: u32) -> f32 {
  return f32(random_bits(seed, step, stream, index) >> 8u) / 16777216.0;
}
