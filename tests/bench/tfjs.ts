/** The peer tfjs-webgpu: tfjs's own WebGPU backend on the engine's device. */

import * as tf from '@tensorflow/tfjs';
import type { Device } from '../../src/gpu/device';
import { startTfjsWebGpu } from '../../src/graph/tfjs-backend';
import { syncOf } from './engine';
import { SCALE, type OpenProduct, type ProductData, type ProductPeer } from './products';
import type { Product } from './shapes';
import type { Subject } from './timing';

export interface TfjsPeer extends ProductPeer {
  /** Work whose result is discarded. */
  subject(work: () => tf.Tensor): Subject;
  /** Submits the commands that tfjs has queued. */
  submit(): void;
}

/** Makes tfjs-webgpu the current backend of tfjs, without its split-K products (see `startTfjsWebGpu`). */
export async function startTfjs(device: Device): Promise<TfjsPeer> {
  const backend = await startTfjsWebGpu(device);
  const submit = () => {
    backend.ensureCommandEncoderReady();
    backend.endComputePassEncoder();
    backend.submitQueue();
  };
  const subject = (work: () => tf.Tensor): Subject => ({
    prepare: (times) => Promise.resolve(() => repeat(work, times, submit)),
  });
  return {
    name: 'tfjs-webgpu',
    sync: syncOf(device),
    submit,
    subject,
    open: (product, data) => openProduct(product, data, subject),
  };
}

function repeat(work: () => tf.Tensor, times: number, submit: () => void): void {
  for (let i = 0; i < times; i++) tf.tidy(work).dispose();
  submit();
}

function openProduct(product: Product, data: ProductData, subject: TfjsPeer['subject']): OpenProduct {
  const tensors = Object.fromEntries(
    Object.entries(data).map(([name, { shape, data }]) => [name, tf.tensor2d(data, [...shape])]),
  );
  const work = () => multiply(product, tensors);
  return { subject: subject(work), result: () => resultOf(work), dispose: () => tf.dispose(tensors) };
}

function multiply({ layout }: Product, { a, w, p, q }: Readonly<Record<string, tf.Tensor2D>>): tf.Tensor {
  const times = (left: tf.Tensor2D, right: tf.Tensor2D) => tf.matMul(left, right, layout === 'tn', layout === 'nt');
  if (a === undefined || w === undefined) throw new Error('a product without factors');
  return p === undefined || q === undefined ? times(a, w) : tf.add(times(a, w), tf.mul(times(p, q), SCALE));
}

async function resultOf(work: () => tf.Tensor): Promise<ArrayLike<number>> {
  const result = tf.tidy(work);
  const data = await result.data();
  result.dispose();
  return data;
}
