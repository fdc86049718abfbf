/** The soft cap of scores and logits, z to cap·tanh(z/cap) (Gemma 2, arXiv 2408.00118, section 2): parts of shaders and of twins. */

import * as tf from '@tensorflow/tfjs-core';
import { f32, type Constants } from '../../src/gpu/shader';
import softcapSource from './softcap.wgsl?raw';
import tanhSource from './tanh.wgsl?raw';

/** Adds `bounded`, which is tanh of values of the WGSL type `type`. */
export function withTanh(shader: string, type: string): string {
  return `alias Bounded = ${type};\n${tanhSource}\n${shader}`;
}

/** Adds `capped` and `cap_slope` for scores of the WGSL type `type`; the shader needs `softcapConstants`. */
export function withSoftcap(shader: string, type: string): string {
  return withTanh(`${softcapSource}\n${shader}`, type);
}

export function softcapConstants(softcap: number | undefined): Constants {
  return { SOFTCAP: softcap !== undefined, CAP: f32(softcap ?? 1) };
}

/** The scores themselves without a cap. */
export function cappedTwin(scores: tf.Tensor, softcap: number | undefined): tf.Tensor {
  return softcap === undefined ? scores : tf.mul(tf.tanh(tf.div(scores, softcap)), softcap);
}

/** The derivative of `cappedTwin` from its value; undefined, for 1, without a cap. */
export function capSlopeTwin(scores: tf.Tensor, softcap: number | undefined): tf.Tensor | undefined {
  return softcap === undefined ? undefined : tf.sub(1, tf.square(tf.div(scores, softcap)));
}
