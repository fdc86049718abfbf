/** Times single products, this engine's kernels and tfjs-webgpu's in turn, and compares their results. */

import * as tf from '@tensorflow/tfjs';
import type { Device } from '../../src/gpu/device';
import { Graph } from '../../src/graph/graph';
import { plan } from '../../src/graph/plan';
import { WebGpuExecutor } from '../../src/graph/run-webgpu';
import { lowrank } from '../../kernels/lowrank';
import { matmul } from '../../kernels/matmul';
import { deviation } from '../deviation';
import { measured, planSubject, syncOf } from './engine';
import type { Peer } from './peer';
import type { Ceilings, ProductReport } from './report';
import { randomData, type Product } from './shapes';
import { compare } from './timing';

/** How far the two results may lie apart: both sum up to 1,552 terms in f32, in different orders. */
const TOLERANCE = 1e-4;
/** s of the low-rank part. */
const SCALE = 2;

export function productName({ kind, layout, use, m, n, k, rank }: Product): string {
  return `${kind} ${layout} ${m}×${n}×${k}${rank > 0 ? ` + r ${rank}` : ''} (${use})`;
}

/** Shapes of a, w, p, q as they lie in memory. */
function shapesOf({ layout, m, n, k, rank }: Product): Record<'a' | 'w' | 'p' | 'q', [number, number]> {
  const left = (inner: number): [number, number] => (layout === 'tn' ? [inner, m] : [m, inner]);
  const right = (inner: number): [number, number] => (layout === 'nt' ? [n, inner] : [inner, n]);
  return { a: left(k), w: right(k), p: left(rank), q: right(rank) };
}

export async function timeProduct(
  device: Device,
  peer: Peer,
  ceilings: Ceilings,
  product: Product,
  pairs: number,
): Promise<ProductReport> {
  const ours = buildOurs(device, product);
  const tensors = tensorsOf(product);
  const theirs = () => tfjsProduct(product, tensors);
  const difference = deviation(await ours.result(), await resultOf(theirs));
  if (!(difference <= TOLERANCE)) throw new Error(`${productName(product)} deviates from tfjs's by ${difference}`);
  const sync = syncOf(device);
  const { a, b, ratio } = await compare(ours.subject, peer.subject(theirs), sync, pairs);
  ours.dispose();
  tf.dispose(tensors);
  return { name: productName(product), ours: measured(ours.plan.nodes, a, ceilings), tfjs: b, ratio, deviation: difference };
}

function buildOurs(device: Device, product: Product) {
  const graph = new Graph();
  const executor = new WebGpuExecutor(device);
  const shapes = shapesOf(product);
  const declare = (name: keyof typeof shapes, role: 'input' | 'frozen') => {
    const value = graph.declare(name, role, shapes[name]);
    executor.write(value, dataOf(product, name));
    return value;
  };
  const program = graph.program('product');
  const [a, w] = [declare('a', 'input'), declare('w', 'frozen')];
  const { layout, kind, rank } = product;
  const adapter = rank > 0 ? { p: declare('p', 'input'), q: declare('q', 'input'), scale: SCALE } : null;
  const y =
    kind === 'lowrank'
      ? lowrank(program, a, w, { layout, scale: 1 })
      : matmul(program, { layout: narrow(layout), a, w, adapter });
  const planned = plan(program, [y]);
  const subject = planSubject(executor, planned);
  return {
    plan: planned,
    subject,
    result: async () => (await executor.run(await executor.compile(planned)))[0] ?? [],
    dispose: () => {
      subject.dispose();
      executor.dispose();
    },
  };
}

function narrow(layout: Product['layout']): 'nt' | 'nn' {
  if (layout === 'tn') throw new Error('matmul has no tn');
  return layout;
}

function dataOf(product: Product, name: 'a' | 'w' | 'p' | 'q'): Float32Array<ArrayBuffer> {
  return randomData(shapesOf(product)[name], name.charCodeAt(0), 1);
}

interface Tensors {
  readonly [name: string]: tf.Tensor2D;
  readonly a: tf.Tensor2D;
  readonly w: tf.Tensor2D;
}

function tensorsOf(product: Product): Tensors {
  const shapes = shapesOf(product);
  const make = (name: keyof typeof shapes) => tf.tensor2d(dataOf(product, name), shapes[name]);
  return { a: make('a'), w: make('w'), ...(product.rank > 0 && { p: make('p'), q: make('q') }) };
}

function tfjsProduct({ layout }: Product, { a, w, p, q }: Tensors): tf.Tensor {
  const times = (left: tf.Tensor2D, right: tf.Tensor2D) => tf.matMul(left, right, layout === 'tn', layout === 'nt');
  return p === undefined || q === undefined ? times(a, w) : tf.add(times(a, w), tf.mul(times(p, q), SCALE));
}

async function resultOf(work: () => tf.Tensor): Promise<ArrayLike<number>> {
  const result = tf.tidy(work);
  const data = await result.data();
  result.dispose();
  return data;
}
