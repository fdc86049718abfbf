/** y = silu(gate)·up, and its gradient. */

import { load4, put, UNIT } from './lib/elements.wasm';
import { madd, sigmoid4 } from './lib/vector.wasm';

@unmanaged
class Swiglu {
  gate: usize;
  up: usize;
  y: usize;
  count: i32;
}

export function swiglu(args: Swiglu, from: i32, to: i32, _thread: i32): void {
  const end = min(to * UNIT, args.count);
  for (let i = from * UNIT; i < end; i += 4) {
    const gate = load4(args.gate, i);
    put(args.y, i, end, f32x4.mul(f32x4.mul(gate, sigmoid4(gate)), load4(args.up, i)));
  }
}

@unmanaged
class SwigluBackward {
  gate: usize;
  up: usize;
  dy: usize;
  dgate: usize;
  dup: usize;
  count: i32;
}

export function swiglu_backward(args: SwigluBackward, from: i32, to: i32, _thread: i32): void {
  const end = min(to * UNIT, args.count);
  const one = f32x4.splat(1);
  for (let i = from * UNIT; i < end; i += 4) {
    const gate = load4(args.gate, i);
    const dy = load4(args.dy, i);
    const share = sigmoid4(gate);
    const slope = f32x4.mul(share, madd(gate, f32x4.sub(one, share), one));
    put(args.dgate, i, end, f32x4.mul(f32x4.mul(dy, load4(args.up, i)), slope));
    put(args.dup, i, end, f32x4.mul(dy, f32x4.mul(gate, share)));
  }
}
