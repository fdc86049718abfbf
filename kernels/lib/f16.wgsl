// Packs four f32 as f16 and unpacks them. Values outside the range of f16, and NaN, become infinite, so that the gradient norm reports
// an overflow; pack2x16float leaves the result of such values undefined.
const F16_INFINITY = 0x7c00u;
// The bits of 65520, which is halfway between the largest f16 and 2^16: this and everything above rounds to infinity.
const FIRST_INFINITE = 0x477ff000u;

fn unpack_f16(pair: vec2u) -> vec4f { return vec4f(unpack2x16float(pair.x), unpack2x16float(pair.y)); }

fn pack_f16(v: vec4f) -> vec2u {
  let over = (bitcast<vec4u>(v) & vec4u(0x7fffffffu)) >= vec4u(FIRST_INFINITE);
  let finite = clamp(select(v, vec4f(), over), vec4f(-65504.0), vec4f(65504.0));
  let infinite = select(vec4u(), vec4u(F16_INFINITY), over);
  let packed = vec2u(pack2x16float(finite.xy), pack2x16float(finite.zw));
  return packed | infinite.xz | (infinite.yw << vec2u(16u));
}
