// Four neighbours of a row of quantised w0, from `column` on, a multiple of four: they lie in one word and share one scale. The
// layout is stated in src/core/quantised.ts. `row` counts from the bound row block, which begins at row SCALE_ROW of the matrix.
@group(0) @binding(SCALES_BINDING) var<storage, read> scales: array<u32>;

fn scale_of(block: u32) -> f32 {
#if FOUR
  let group = 16u + 2u * (block / 256u);
  let byte = (scales[SCALE_BYTES + block / 4u] >> (8u * (block % 4u))) & 255u;
  return bitcast<f32>(scales[group]) + bitcast<f32>(scales[group + 1u]) * f32(byte);
#else
  return bitcast<f32>(scales[block]);
#endif
}

#if FOUR
fn level(code: u32) -> f32 { return bitcast<f32>(scales[code & 15u]); }
#endif

fn scale_at(row: u32, column: u32) -> f32 { return scale_of((row + SCALE_ROW) * ROW_BLOCKS + column / 64u); }

fn dequantised(row: u32, column: u32) -> vec4f { return scaled(row, column, scale_at(row, column)); }

// With the scale of their block, where that is known.
fn scaled(row: u32, column: u32, scale: f32) -> vec4f {
#if FOUR
  let codes = w0[row * ROW_WORDS + column / 8u] >> (4u * (column % 8u));
  return scale * vec4f(level(codes), level(codes >> 4u), level(codes >> 8u), level(codes >> 12u));
#else
  let codes = vec4u(w0[row * ROW_WORDS + column / 4u]) << vec4u(24u, 16u, 8u, 0u);
  return scale * vec4f(vec4i(codes) >> vec4u(24u));
#endif
}
