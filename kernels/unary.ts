/** Elementwise functions of one argument: activations, and the functions that losses are made of. */

import * as tf from '@tensorflow/tfjs-core';
import { sizeOf } from '../src/core/shape';
import { f32, type Constants } from '../src/gpu/shader';
import { elementwise } from './lib/elementwise';
import { bytesOf, hasVec4Rows, read, write } from './lib/launch';
import { launchOf, perElement, place, rawPlace } from './lib/processor';
import { f32Spec, isActivationOf, misfit } from './lib/rule';
import { withTanh } from './lib/softcap';
import { unroll } from './lib/unroll';
import { defineOp, type Builder, type Spec, type Value, type Word } from './op';
import source from './unary.wgsl?raw';
import {
  functionsOf,
  MAX_EXPONENT,
  NORMAL_TAIL,
  NORMAL_TAIL_STEP,
  UNARY_KINDS,
  type UnaryAttrs,
  type UnaryKind,
} from './unary_functions';

/** The functions that may read f16; where they do, they also write it. The others are used in losses, and on logits. */
const ACTIVATIONS: ReadonlySet<UnaryKind> = new Set(['gelu', 'gelu_tanh', 'silu', 'relu', 'tanh', 'sigmoid']);

/** Operations per element, with Φ and exp counted as one. All functions are limited by memory. */
const FLOPS = 8;

/** y = f(x): x f32|f16 of any shape, y f32. */
export const unaryOp = defineOp<UnaryAttrs>()({
  name: 'unary',
  inputs: ['x'],
  outputs: ['y'],
  infer: (inputs) => ({ y: elementsOf('unary', inputs) }),
  gradient: (builder, { inputs: { x }, attrs }, { y: dy }, wanted) => ({
    x: wanted.x ? builder.apply(unaryBackwardOp, { x, dy }, attrs).dx : null,
  }),
  twin: ({ x }, attrs) => ({ y: functionsOf(attrs).value(x) }),
  f16: ({ inputs: { x }, outputs: { y } }, { kind }) => ({
    inputs: ACTIVATIONS.has(kind) ? ['x'] : [],
    outputs: x.dtype === 'f16' && hasVec4Rows(y) ? ['y'] : [],
  }),
  cost: (use) => ({ flops: FLOPS * sizeOf(use.outputs.y.shape), bytes: bytesOf(use) }),
  launch({ inputs: { x }, outputs: { y } }, attrs, target) {
    const constants = { BACKWARD: false, ...constantsOf(attrs) };
    const elements = [read(x), write(y)];
    return elementwise({ label: 'unary', source: code, size: sizeOf(y.shape), elements, constants }, target);
  },
  processor: ({ inputs: { x }, outputs: { y } }, attrs) =>
    launchOf(perElement('unary', sizeOf(y.shape), [...wordsOf(attrs), rawPlace(x), x.dtype === 'f16', null, place(y)])),
});

/** dx = dy·f'(x). */
export const unaryBackwardOp = defineOp<UnaryAttrs>()({
  name: 'unary_backward',
  inputs: ['x', 'dy'],
  outputs: ['dx'],
  infer: (inputs) => ({ dx: elementsOf('unary_backward', inputs) }),
  gradient: null,
  twin: ({ x, dy }, attrs) => ({ dx: tf.mul(dy, functionsOf(attrs).slope(x)) }),
  f16: ({ inputs: { x }, outputs: { dx } }, { kind }) => ({
    inputs: ACTIVATIONS.has(kind) ? ['x', 'dy'] : [],
    outputs: x.dtype === 'f16' && hasVec4Rows(dx) ? ['dx'] : [],
  }),
  cost: (use) => ({ flops: 2 * FLOPS * sizeOf(use.outputs.dx.shape), bytes: bytesOf(use) }),
  launch({ inputs: { x, dy }, outputs: { dx } }, attrs, target) {
    const constants = { BACKWARD: true, ...constantsOf(attrs) };
    const elements = [read(x), read(dy), write(dx)];
    return elementwise({ label: 'unary_backward', source: code, size: sizeOf(dx.shape), elements, constants }, target);
  },
  processor: ({ inputs: { x, dy }, outputs: { dx } }, attrs) =>
    launchOf(perElement('unary', sizeOf(dx.shape), [...wordsOf(attrs), rawPlace(x), x.dtype === 'f16', place(dy), place(dx)])),
});

/** f(x), elementwise. */
export function unary(builder: Builder, x: Value, attrs: UnaryAttrs): Value {
  return builder.apply(unaryOp, { x }, attrs).y;
}

const code = unroll(withTanh(source, 'E'), {});

/** The constants of the shader: the name of the function, and its parameters. */
function constantsOf(attrs: UnaryAttrs): Constants {
  const named = Object.fromEntries(UNARY_KINDS.map((kind) => [kind.toUpperCase(), kind === attrs.kind]));
  return { ...named, ...parametersOf(attrs) };
}

/** The function and its parameters, as the first fields of the kernel's arguments. */
function wordsOf(attrs: UnaryAttrs): readonly Word[] {
  const [first, second] = attrs.kind === 'affine' ? [attrs.scale, attrs.shift] : [attrs.kind === 'softcap' ? attrs.cap : 0, 0];
  const tail = [...NORMAL_TAIL, NORMAL_TAIL_STEP].map((number) => ({ f32: number }));
  return [UNARY_KINDS.indexOf(attrs.kind), { f32: first }, { f32: second }, tail];
}

function parametersOf(attrs: UnaryAttrs): Constants {
  if (attrs.kind === 'softcap') return { CAP: f32(attrs.cap) };
  if (attrs.kind === 'affine') return { SCALE: f32(attrs.scale), SHIFT: f32(attrs.shift) };
  if (attrs.kind === 'exp') return { MAX_EXPONENT: f32(MAX_EXPONENT) };
  const coefficients = `array<f32, ${NORMAL_TAIL.length}>(${NORMAL_TAIL.map(f32).join(', ')})`;
  return attrs.kind === 'gelu' ? { NORMAL_TAIL: coefficients, NORMAL_TAIL_STEP: f32(NORMAL_TAIL_STEP) } : {};
}

/** The spec of the result, after checking that all inputs have one shape. x may be a stored f16 weight. */
function elementsOf(op: string, inputs: { readonly x: Spec; readonly dy?: Spec }): Spec {
  const { shape } = inputs.x;
  if (![inputs.x, inputs.dy ?? inputs.x].every((spec) => isActivationOf(spec, shape)))
    throw misfit(op, inputs, 'f32|f16 tensors of one shape');
  return f32Spec(shape);
}
