/** Dynamic loss scaling, as `torch.amp.GradScaler` does it: gradients as large as 16-bit activations can carry, and no larger. */

import * as tf from '@tensorflow/tfjs-core';
import { sameShape } from '../src/core/shape';
import { f32, specialise } from '../src/gpu/shader';
import { bytesOf, readInput, required, writeOutput } from './lib/launch';
import source from './lossscale.wgsl?raw';
import type { Builder, Op, Value } from './op';
import { misfit } from './lib/rule';

/** What a run begins with, as GradScaler does. */
export const FIRST_SCALE = 2 ** 16;
export const LARGEST_SCALE = 2 ** 24;
/** Good steps in a row before the scale is doubled. GradScaler waits 2,000, which is longer than most LoRA runs are. */
export const GROWTH_INTERVAL = 200;

/**
 * [scale, good, norm, all [1]] f32 → [scale, good, used]: the first two in place, `used` is the scale as it was. norm is the
 * gradient's. When it is not finite the scale is halved (down to 1) and good is 0; else good counts one more, and at
 * `GROWTH_INTERVAL` the scale is doubled (up to `LARGEST_SCALE`) and good is 0: `_amp_update_scale_` of PyTorch.
 *
 * A scale is always a power of two, so that multiplying by it and dividing by it round nothing.
 */
export const lossscaleOp: Op = {
  name: 'lossscale',
  updates: [0, 1],
  infer(inputs) {
    const fits = inputs.length === 3 && inputs.every((spec) => spec?.dtype === 'f32' && sameShape(spec.shape, [1]));
    if (!fits) throw misfit('lossscale', inputs, 'three f32[1]');
    return inputs.map(() => ({ shape: [1], dtype: 'f32' }));
  },
  gradient: null,
  twin(inputs) {
    const [scale = NaN] = required(inputs, 0, 'scale').dataSync();
    const [good = NaN] = required(inputs, 1, 'good').dataSync();
    const [norm = NaN] = required(inputs, 2, 'norm').dataSync();
    const [next, count] = following(scale, good, Number.isFinite(norm));
    return [next, count, scale].map((value) => tf.tensor1d([value]));
  },
  cost: (use) => ({ flops: 2, bytes: bytesOf(use) }),
  launch() {
    const constants = { GROWTH_INTERVAL: f32(GROWTH_INTERVAL), LARGEST_SCALE: f32(LARGEST_SCALE) };
    return {
      scratch: [],
      dispatches: [
        {
          shader: specialise('lossscale', source, 'main', constants),
          workgroups: [1, 1, 1],
          bindings: [writeOutput(0), writeOutput(1), writeOutput(2), readInput(2)],
        },
      ],
    };
  },
};

function following(scale: number, good: number, finite: boolean): readonly [scale: number, good: number] {
  if (!finite) return [Math.max(1, scale / 2), 0];
  return good + 1 >= GROWTH_INTERVAL ? [Math.min(LARGEST_SCALE, 2 * scale), 0] : [scale, good + 1];
}

/** The scale and the good steps since it last changed, each [1] and kept from step to step. */
export interface LossScale {
  readonly scale: Value;
  readonly good: Value;
}

/** Steps `state` in place by the gradient norm [1]; gives the scale that it had, [1]. */
export function lossscale(builder: Builder, { scale, good }: LossScale, norm: Value): Value {
  return required(builder.apply(lossscaleOp, [scale, good, norm], {}), 2, 'used');
}
