// Reads quantised w0 four neighbours of a row at a time, from `column` on, a multiple of four: the four share a word and a scale. See
// src/core/quantised.ts for the layout. `row` counts from the start of the bound row block, which is row SCALE_ROW of the matrix.
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

// The same with a scale that the caller has already read.
fn scaled(row: u32, column: u32, scale: f32) -> vec4f {
#if FOUR
  let codes = w0[row * ROW_WORDS + column / 8u] >> (4u * (column % 8u));
  return scale * vec4f(level(codes), level(codes >> 4u), level(codes >> 8u), level(codes >> 12u));
#else
  let codes = vec4u(w0[row * ROW_WORDS + column / 4u]) << vec4u(24u, 16u, 8u, 0u);
  return scale * vec4f(vec4i(codes) >> vec4u(24u));
#endif
}
