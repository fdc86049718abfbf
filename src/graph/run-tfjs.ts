/**
 * The tfjs executor: runs each node by its twin. It trains where our kernels cannot run (wasm, tfjs-webgpu) and is the oracle of the
 * tests (cpu). Views are tensors of their own here; a flat value is concatenated only for a node that takes it whole. Inputs stay on
 * the host until a node takes them, so that a twin may read them synchronously (`dataSync`), which no tensor on a GPU allows.
 */

import * as tf from '@tensorflow/tfjs-core';
import { f16ToF32 } from '../core/f16';
import { internal } from '../core/errors';
import { isQuantised } from '../core/quantised';
import { sizeOf } from '../core/shape';
import { roundedToF16 } from '../../kernels/lib/f16-twin';
import { listed, named } from '../../kernels/lib/named';
import type { Value } from '../../kernels/op';
import type { Compiled, Executor, HostArray } from './executor';
import { storageOf, type Graph, type Node } from './graph';
import { declaredIn, Lifetimes } from './lifetimes';
import type { Plan } from './plan';

/** The tfjs backend that twins run on. */
export type TfjsKind = 'tfjs-webgpu' | 'tfjs-wasm' | 'cpu';

export class TfjsExecutor implements Executor {
  readonly kind: TfjsKind;
  readonly #graph: Graph;
  readonly #stored = new Map<Value, tf.Tensor>();
  /** Data of values with the role `input`, flat ones whole. */
  readonly #inputs = new Map<Value, HostArray>();
  readonly #lifetimes = new Lifetimes();
  /** The declared values of each compiled plan. */
  readonly #compiled = new Map<Compiled, readonly Value[]>();

  /** The tfjs backend of that name must be registered and current. */
  constructor(graph: Graph, kind: TfjsKind) {
    this.#graph = graph;
    this.kind = kind;
  }

  write(value: Value, data: HostArray): void {
    this.#lifetimes.check(value, 'written');
    if (isQuantised(value.dtype)) throw internal(`${value.name} is ${value.dtype}: it is written by quantising`);
    const numbers = data instanceof Uint16Array ? f16ToF32(data) : data;
    if (numbers.length !== sizeOf(value.shape))
      throw internal(`${value.name} takes ${sizeOf(value.shape)} elements, got ${numbers.length}`);
    if (value.role !== 'input') this.#store(value, this.keep(tensorOf(value, numbers.slice())));
    else if (value.view === undefined) this.#inputs.set(value, numbers.slice());
    else throw internal(`${value.name} is written through ${value.view.of.name}, of which it is a view`);
  }

  async read(value: Value): Promise<HostArray> {
    this.#lifetimes.check(value, 'read');
    return this.#download(value);
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
    const outputs = plan.outputs.map((value) => {
      const temp = temps.get(value);
      return temp === undefined ? this.#download(value) : hostData(temp);
    });
    const data = await Promise.all(outputs);
    for (const tensor of temps.values()) tensor.dispose();
    return data;
  }

  release(value: Value): void {
    this.#lifetimes.release(value);
    for (const part of this.#graph.viewsOf(value) ?? [value]) {
      this.#stored.get(part)?.dispose();
      this.#stored.delete(part);
    }
    this.#inputs.delete(value);
  }

  /** tfjs throws at once when it has no memory. */
  granted(): Promise<void> {
    return Promise.resolve();
  }

  bytes(): number {
    const elements = [...this.#stored.values()].map(({ size }) => size);
    const inputs = [...this.#inputs.values()].map(({ length }) => length);
    return [...elements, ...inputs].reduce((sum, count) => sum + 4 * count, 0);
  }

  dispose(): void {
    this.#lifetimes.dispose();
    for (const tensor of this.#stored.values()) tensor.dispose();
    this.#stored.clear();
    this.#inputs.clear();
    this.#compiled.clear();
  }

  /** Called for data from the host before it is stored. */
  protected keep(tensor: tf.Tensor): tf.Tensor {
    return tensor;
  }

  #step(node: Node, temps: Map<Value, tf.Tensor>): void {
    const inputs = node.inputs.map((value) => (value === null ? null : (temps.get(value) ?? this.#load(value))));
    const outputs = tf.tidy(() => twinOutputs(node, inputs));
    node.inputs.forEach((value, i) => {
      if (value !== null && this.#isTransient(value)) inputs[i]?.dispose();
    });
    node.outputs.forEach((value, i) => {
      const tensor = outputs[i];
      if (tensor === undefined)
        throw internal(`the twin of ${node.op.name} gave ${outputs.length} outputs, expected ${node.outputs.length}`);
      if (value.role !== 'temp') this.#store(value, tensor);
      else if (value.dtype !== 'f16') temps.set(value, tensor);
      else {
        temps.set(value, roundedToF16(tensor));
        tensor.dispose();
      }
    });
  }

  async #download(value: Value): Promise<HostArray> {
    const tensor = this.#load(value);
    const data = await hostData(tensor);
    if (this.#isTransient(value)) tensor.dispose();
    return data;
  }

  /** Whether `load` makes a tensor that is the caller's to dispose. */
  #isTransient(value: Value): boolean {
    return value.role === 'input' || this.#graph.viewsOf(value) !== undefined;
  }

  /** The tensor of a declared value: an input from its data on the host, a flat value from its views. See `isTransient`. */
  #load(value: Value): tf.Tensor {
    if (value.role === 'input') return this.#loadInput(value);
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
    const zeros = tf.zeros([...value.shape], typeOf(value));
    this.#stored.set(value, zeros);
    return zeros;
  }

  #loadInput(value: Value): tf.Tensor {
    const data = this.#inputs.get(storageOf(value));
    const offset = value.view?.offset ?? 0;
    return data === undefined
      ? tf.zeros([...value.shape], typeOf(value))
      : tensorOf(value, data.slice(offset, offset + sizeOf(value.shape)));
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

function typeOf({ dtype }: Value): 'int32' | 'float32' {
  return dtype === 'i32' ? 'int32' : 'float32';
}

/** A tensor on the host, of `value`'s shape and type, that keeps `data`. */
function tensorOf(value: Value, data: HostArray): tf.Tensor {
  return tf.tensor(data, [...value.shape], typeOf(value));
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
