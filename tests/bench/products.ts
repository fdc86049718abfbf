/** Times single products of this engine and of its peers, sampled in turn, and compares their results. */

import type { Device } from '../../src/gpu/device';
import type { Executor } from '../../src/graph/executor';
import { Graph, type Program } from '../../src/graph/graph';
import { plan } from '../../src/graph/plan';
import { WebGpuExecutor } from '../../src/graph/run-webgpu';
import { lowrank } from '../../kernels/lowrank';
import { matmul } from '../../kernels/matmul';
import type { Value } from '../../kernels/op';
import { deviation } from '../deviation';
import { measured, planSubject, syncOf } from './engine';
import type { PeakRates, PeerName, ProductReport } from './report';
import { randomData, type Product } from './shapes';
import { compare, type Subject, type Sync } from './timing';

/** Largest allowed difference of two results: both sum up to 1,552 terms in f32, in different orders. */
const TOLERANCE = 1e-4;
/** The scale s of the low-rank product. */
export const SCALE = 2;

export function productName({ kind, layout, use, m, n, k, rank }: Product): string {
  return `${kind} ${layout} ${m}×${n}×${k}${rank > 0 ? ` + r ${rank}` : ''} (${use})`;
}

/** Shapes of a, w, p, q in memory. */
function shapesOf({ layout, m, n, k, rank }: Product): Record<'a' | 'w' | 'p' | 'q', [number, number]> {
  const left = (inner: number): [number, number] => (layout === 'tn' ? [inner, m] : [m, inner]);
  const right = (inner: number): [number, number] => (layout === 'nt' ? [n, inner] : [inner, n]);
  return { a: left(k), w: right(k), p: left(rank), q: right(rank) };
}

/** The matrices of a product in memory; p and q only with an adapter. */
export interface ProductData {
  readonly [name: string]: { readonly shape: readonly [number, number]; readonly data: Float32Array<ArrayBuffer> };
}

/** A library that computes the same products, on the same adapter. */
export interface ProductPeer {
  readonly name: PeerName;
  /** Resolves when its queue is empty. */
  readonly sync: Sync;
  open(product: Product, data: ProductData): OpenProduct;
}

export interface OpenProduct {
  readonly subject: Subject;
  result(): Promise<ArrayLike<number>>;
  dispose(): void;
}

export async function timeProduct(
  device: Device,
  peers: readonly ProductPeer[],
  peaks: PeakRates,
  product: Product,
  rounds: number,
): Promise<ProductReport> {
  const ours = buildOurs(device, product);
  const theirs = peers.map((peer) => peer.open(product, dataOf(product)));
  const deviations: number[] = [];
  for (const one of theirs) deviations.push(deviation(await ours.result(), await one.result()));
  for (const [i, off] of deviations.entries())
    if (!(off <= TOLERANCE)) throw new Error(`${productName(product)} deviates from ${peers[i]?.name ?? ''} by ${off}`);
  const sync = () => Promise.all([syncOf(device)(), ...peers.map((peer) => peer.sync())]);
  const { timings, ratios } = await compare([ours.subject, ...theirs.map(({ subject }) => subject)], sync, rounds);
  for (const one of [ours, ...theirs]) one.dispose();
  const [first, ...others] = timings;
  if (first === undefined) throw new Error('nothing was timed');
  const reports = others.flatMap((timing, i) => {
    const name = peers[i]?.name;
    return name === undefined ? [] : [{ name, ...timing, ratio: ratios[i + 1] ?? NaN, deviation: deviations[i] ?? NaN }];
  });
  return { name: productName(product), kind: product.kind, ours: measured(ours.plan.nodes, first, peaks), peers: reports };
}

function buildOurs(device: Device, product: Product) {
  const executor = new WebGpuExecutor(device);
  const program = new Graph().program('product');
  const y = declareProduct(program, executor, product);
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

/** Appends the product of matrices that it declares and writes. */
export function declareProduct(program: Program, executor: Executor, product: Product): Value {
  const shapes = shapesOf(product);
  const data = dataOf(product);
  const declare = (name: keyof typeof shapes, role: 'input' | 'frozen') => {
    const value = program.graph.declare(name, role, shapes[name]);
    executor.write(value, data[name]?.data ?? new Float32Array());
    return value;
  };
  const [a, w] = [declare('a', 'input'), declare('w', 'frozen')];
  const { layout, kind, rank } = product;
  const adapter = rank > 0 ? { p: declare('p', 'input'), q: declare('q', 'input'), scale: SCALE } : null;
  return kind === 'lowrank'
    ? lowrank(program, a, w, { layout, scale: 1 })
    : matmul(program, { layout: narrow(layout), a, w, adapter });
}

function narrow(layout: Product['layout']): 'nt' | 'nn' {
  if (layout === 'tn') throw new Error('matmul has no tn');
  return layout;
}

function dataOf(product: Product): ProductData {
  const names = product.rank > 0 ? (['a', 'w', 'p', 'q'] as const) : (['a', 'w'] as const);
  const shapes = shapesOf(product);
  return Object.fromEntries(
    names.map((name) => [name, { shape: shapes[name], data: randomData(shapes[name], name.charCodeAt(0), 1) }]),
  );
}
