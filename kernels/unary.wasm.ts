/** Elementwise functions and their gradients; see unary_functions.ts for their definitions. */

import { load4, put, UNIT } from './lib/elements.wasm';
import { fourAs } from './lib/panels.wasm';
import { exp4, log4, madd, sigmoid4, tanh4 } from './lib/vector.wasm';

/** The functions, in the order of `UNARY_KINDS`. */
const GELU: i32 = 0;
const GELU_TANH: i32 = 1;
const SILU: i32 = 2;
const RELU: i32 = 3;
const TANH: i32 = 4;
const SIGMOID: i32 = 5;
const EXP: i32 = 6;
const LOG: i32 = 7;
const SOFTPLUS: i32 = 8;
const SOFTCAP: i32 = 9;

@unmanaged
class Unary {
  kind: i32;
  /** cap, or scale and shift. */
  first: f32;
  second: f32;
  /** The nine coefficients of Φ's tail, and its step. */
  tail: usize;
  x: usize;
  /** x is f16. */
  f16: i32;
  /** 0 for the function itself. */
  dy: usize;
  y: usize;
  count: i32;
}

export function unary(args: Unary, from: i32, to: i32, _thread: i32): void {
  const end = min(to * UNIT, args.count);
  for (let i = from * UNIT; i < end; i += 4) {
    const x = args.f16 ? fourAs<u16>(args.x + ((<usize>i) << 1)) : load4(args.x, i);
    put(args.y, i, end, args.dy == 0 ? valueOf(args, x) : f32x4.mul(load4(args.dy, i), slopeOf(args, x)));
  }
}

const one: f32 = 1;

function valueOf(args: Unary, x: v128): v128 {
  switch (args.kind) {
    case GELU:
      return f32x4.mul(x, normal(args.tail, x));
    case GELU_TANH:
      return f32x4.mul(x, sigmoid4(inner(x)));
    case SILU:
      return f32x4.mul(x, sigmoid4(x));
    case RELU:
      return f32x4.max(x, f32x4.splat(0));
    case TANH:
      return tanh4(x);
    case SIGMOID:
      return sigmoid4(x);
    case EXP:
      return exp4(f32x4.min(x, f32x4.splat(88.7)));
    case LOG:
      return log4(x);
    case SOFTPLUS:
      return softplus(x);
    case SOFTCAP:
      return f32x4.mul(tanh4(f32x4.div(x, f32x4.splat(args.first))), f32x4.splat(args.first));
    default:
      return f32x4.add(f32x4.mul(x, f32x4.splat(args.first)), f32x4.splat(args.second));
  }
}

function slopeOf(args: Unary, x: v128): v128 {
  switch (args.kind) {
    case GELU:
      return f32x4.add(normal(args.tail, x), f32x4.mul(x, density(x)));
    case GELU_TANH:
      return geluTanhSlope(x);
    case SILU:
      return f32x4.mul(sigmoid4(x), madd(x, sigmoid4(f32x4.neg(x)), f32x4.splat(one)));
    case RELU:
      return v128.and(f32x4.gt(x, f32x4.splat(0)), f32x4.splat(one));
    case TANH:
      return tanhSlope(x);
    case SIGMOID:
      return sigmoidSlope(x);
    case EXP:
      return exp4(f32x4.min(x, f32x4.splat(88.7)));
    case LOG:
      return f32x4.div(f32x4.splat(one), x);
    case SOFTPLUS:
      return sigmoid4(x);
    case SOFTCAP:
      return tanhSlope(f32x4.div(x, f32x4.splat(args.first)));
    default:
      return f32x4.splat(args.first);
  }
}

function sigmoidSlope(x: v128): v128 {
  return f32x4.mul(sigmoid4(x), sigmoid4(f32x4.neg(x)));
}

function tanhSlope(x: v128): v128 {
  return f32x4.mul(sigmoidSlope(f32x4.add(x, x)), f32x4.splat(4));
}

/** max(x, 0) + ln(1 + e^−|x|); ln(1 + z) keeps the digits of z that 1 + z loses. */
function softplus(x: v128): v128 {
  const z = exp4(f32x4.neg(f32x4.abs(x)));
  const sum = f32x4.add(f32x4.splat(one), z);
  const lost = f32x4.div(f32x4.sub(z, f32x4.sub(sum, f32x4.splat(one))), sum);
  return f32x4.add(f32x4.max(x, f32x4.splat(0)), f32x4.add(log4(sum), lost));
}

/** Φ(x); see `NORMAL_TAIL`. */
function normal(tail: usize, x: v128): v128 {
  const u = f32x4.min(f32x4.abs(x), f32x4.splat(14));
  const s = f32x4.div(f32x4.splat(one), madd(u, v128.load32_splat(tail, 36), f32x4.splat(one)));
  let p = v128.load32_splat(tail);
  for (let i: usize = 4; i < 36; i += 4) p = madd(p, s, v128.load32_splat(tail + i));
  const lower = f32x4.mul(f32x4.mul(exp4(f32x4.mul(f32x4.mul(u, u), f32x4.splat(-0.5))), s), p);
  return v128.bitselect(f32x4.sub(f32x4.splat(one), lower), lower, f32x4.gt(x, f32x4.splat(0)));
}

/** The derivative of Φ. */
function density(x: v128): v128 {
  const u = f32x4.min(f32x4.abs(x), f32x4.splat(14));
  return f32x4.mul(exp4(f32x4.mul(f32x4.mul(u, u), f32x4.splat(-0.5))), f32x4.splat(0.3989422804));
}

/** √(2/π). */
const ROOT: f32 = 0.7978845608;
const CUBE: f32 = 0.044715;

function clipped(x: v128): v128 {
  return f32x4.max(f32x4.min(x, f32x4.splat(30)), f32x4.splat(-30));
}

function inner(x: v128): v128 {
  const c = clipped(x);
  return f32x4.mul(f32x4.mul(c, f32x4.splat(2 * ROOT)), madd(f32x4.mul(c, c), f32x4.splat(CUBE), f32x4.splat(one)));
}

function geluTanhSlope(x: v128): v128 {
  const c = clipped(x);
  const innerSlope = f32x4.mul(madd(f32x4.mul(c, c), f32x4.splat(3 * CUBE), f32x4.splat(one)), f32x4.splat(2 * ROOT));
  const z = inner(x);
  return madd(f32x4.mul(x, sigmoidSlope(z)), innerSlope, sigmoid4(z));
}
