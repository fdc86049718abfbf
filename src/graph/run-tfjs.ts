/**
 * The tfjs executor: runs each node by its twin. It trains where there is no usable GPU (wasm) and is the oracle of the tests
 * (cpu). Views are tensors of their own here; their flat value is put together only when a node takes it whole.
 */

import * as tf from '@tensorflow/tfjs-core';
import { f16ToF32, f32ToF16 } from '../core/f16';
import { internal } from '../core/errors';
import { isQuantised } from '../core/quantised';
import { sizeOf } from '../core/shape';
import { listed, named } from '../../kernels/lib/named';
import type { Value } from '../../kernels/op';
import type { Compiled, Executor, HostArray } from './executor';
import type { Graph, Node } from './graph';
import { declaredIn, Lifetimes } from './lifetimes';
import type { Plan } from './plan';

export class TfjsExecutor implements Executor {
  readonly kind: 'wasm' | 'cpu';
  readonly #graph: Graph;
  readonly #stored = new Map<Value, tf.Tensor>();
  readonly #lifetimes = new Lifetimes();
  /** The declared values of each compiled plan. */
  readonly #compiled = new Map<Compiled, readonly Value[]>();

  /** The tfjs backend of that name must be registered and current. */
  constructor(graph: Graph, kind: 'wasm' | 'cpu') {
    this.#graph = graph;
    this.kind = kind;
  }

  write(value: Value, data: HostArray): void {
    this.#lifetimes.check(value, 'written');
    if (isQuantised(value.dtype)) throw internal(`${value.name} is ${value.dtype}: it is written by quantising`);
    const numbers = data instanceof Uint16Array ? f16ToF32(data) : data;
    if (numbers.length !== sizeOf(value.shape))
      throw internal(`${value.name} takes ${sizeOf(value.shape)} elements, got ${numbers.length}`);
    this.#store(value, tf.tensor(numbers.slice(), [...value.shape], value.dtype === 'i32' ? 'int32' : 'float32'));
  }

  async read(value: Value): Promise<HostArray> {
    this.#lifetimes.check(value, 'read');
    const tensor = this.#load(value);
    const data = await hostData(tensor);
    if (this.#graph.viewsOf(value) !== undefined) tensor.dispose();
    return data;
  }

  async compile(plan: Plan): Promise<Compiled> {
    const declared = declaredIn(plan);
    this.#lifetimes.checkPlan(plan, declared);
    const compiled: Compiled = { plan, dispose: () => void this.#compiled.delete(compiled) };
    this.#compiled.set(compiled, declared);
    return Promise.resolve(compiled);
  }

  async run(compiled: Compiled): Promise<readonly HostArray[]> {
    const { plan } = compiled;
    this.#lifetimes.checkPlan(plan, this.#compiled.get(compiled) ?? []);
    if (!this.#compiled.has(compiled)) throw internal(`the compiled plan ${plan.name} was disposed and cannot run`);
    const temps = new Map<Value, tf.Tensor>();
    plan.nodes.forEach((node, i) => {
      this.#step(node, temps);
      for (const value of plan.lastUse[i] ?? []) {
        temps.get(value)?.dispose();
        temps.delete(value);
      }
    });
    const data = await Promise.all(plan.outputs.map((value) => hostData(temps.get(value) ?? this.#load(value))));
    for (const tensor of temps.values()) tensor.dispose();
    return data;
  }

  release(value: Value): void {
    this.#lifetimes.release(value);
    for (const part of this.#graph.viewsOf(value) ?? [value]) {
      this.#stored.get(part)?.dispose();
      this.#stored.delete(part);
    }
  }

  /** tfjs throws at once when it has no memory. */
  granted(): Promise<void> {
    return Promise.resolve();
  }

  bytes(): number {
    return [...this.#stored.values()].reduce((sum, tensor) => sum + 4 * tensor.size, 0);
  }

  dispose(): void {
    this.#lifetimes.dispose();
    for (const tensor of this.#stored.values()) tensor.dispose();
    this.#stored.clear();
    this.#compiled.clear();
  }

  #step(node: Node, temps: Map<Value, tf.Tensor>): void {
    const inputs = node.inputs.map((value) => (value === null ? null : (temps.get(value) ?? this.#load(value))));
    const outputs = tf.tidy(() => twinOutputs(node, inputs));
    node.inputs.forEach((value, i) => {
      if (value !== null && this.#graph.viewsOf(value) !== undefined) inputs[i]?.dispose();
    });
    node.outputs.forEach((value, i) => {
      const tensor = outputs[i];
      if (tensor === undefined)
        throw internal(`the twin of ${node.op.name} gave ${outputs.length} outputs, expected ${node.outputs.length}`);
      if (value.role === 'temp') temps.set(value, value.dtype === 'f16' ? rounded(tensor) : tensor);
      else this.#store(value, tensor);
    });
  }

  /** A stored tensor; a flat value is made from its views, with zeros in the gaps, and is the caller's to dispose. */
  #load(value: Value): tf.Tensor {
    const views = this.#graph.viewsOf(value);
    if (views !== undefined)
      return tf.tidy(() =>
        joinViews(
          value,
          views.map((view) => this.#load(view)),
        ),
      );
    const known = this.#stored.get(value);
    if (known !== undefined) return known;
    const zeros = tf.zeros([...value.shape], value.dtype === 'i32' ? 'int32' : 'float32');
    this.#stored.set(value, zeros);
    return zeros;
  }

  /** Takes ownership of `tensor`. */
  #store(value: Value, tensor: tf.Tensor): void {
    const views = this.#graph.viewsOf(value);
    if (views === undefined) {
      this.#stored.get(value)?.dispose();
      this.#stored.set(value, tensor);
      return;
    }
    const flat = tf.reshape(tensor, [tensor.size]);
    for (const view of views)
      this.#store(
        view,
        tf.tidy(() => tf.reshape(tf.slice(flat, [view.view?.offset ?? 0], [sizeOf(view.shape)]), [...view.shape])),
      );
    tf.dispose([flat, tensor]);
  }
}

/** The outputs of the node's twin, in the order of `node.outputs`. */
function twinOutputs({ op, attrs }: Node, inputs: readonly (tf.Tensor | null)[]): tf.Tensor[] {
  return listed(op.outputs, op.twin(named(op.inputs, inputs), attrs)).filter((tensor) => tensor !== null);
}

/** The numbers of `tensor`, which it disposes, as they come back from storage in f16. */
function rounded(tensor: tf.Tensor): tf.Tensor {
  const numbers = f16ToF32(f32ToF16(Float32Array.from(tensor.dataSync())));
  tensor.dispose();
  return tf.tensor(numbers, tensor.shape);
}

function joinViews(flat: Value, tensors: readonly tf.Tensor[]): tf.Tensor {
  const views = tensors.map((tensor) => tf.reshape<tf.Rank.R1>(tensor, [tensor.size]));
  const length = sizeOf(flat.shape);
  const pieces: tf.Tensor1D[] = [];
  let at = 0;
  for (const view of views) {
    pieces.push(view);
    at += view.size;
    const gap = Math.min(Math.ceil(at / 64) * 64, length) - at;
    if (gap > 0) pieces.push(tf.zeros<tf.Rank.R1>([gap]));
    at += gap;
  }
  return pieces.length === 0 ? tf.zeros([length]) : tf.concat1d(pieces);
}

async function hostData(tensor: tf.Tensor): Promise<HostArray> {
  const data = await tensor.data();
  return data instanceof Int32Array ? new Int32Array(data) : new Float32Array(data);
}
