// Four numbers as halves, and back. What is no finite half becomes infinite, so that the gradient's norm tells of it: of such
// numbers pack2x16float may make anything.
const HALF_INFINITY = 0x7c00u;
// 65520 lies half-way between the largest half and 2^16: from there on nothing is finite, NaN included.
const FIRST_INFINITE = 0x477ff000u;

fn from_halves(pair: vec2u) -> vec4f { return vec4f(unpack2x16float(pair.x), unpack2x16float(pair.y)); }

fn to_halves(v: vec4f) -> vec2u {
  let over = (bitcast<vec4u>(v) & vec4u(0x7fffffffu)) >= vec4u(FIRST_INFINITE);
  let finite = clamp(select(v, vec4f(), over), vec4f(-65504.0), vec4f(65504.0));
  let infinite = select(vec4u(), vec4u(HALF_INFINITY), over);
  let packed = vec2u(pack2x16float(finite.xy), pack2x16float(finite.zw));
  return packed | infinite.xz | (infinite.yw << vec2u(16u));
}
