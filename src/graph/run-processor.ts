/**
 * The executor for the processor: our kernels in WebAssembly, on the plan that the GPU runs. One memory holds weights as they are
 * stored, state, and the temporaries at fixed offsets; a run executes records that were written when the plan was compiled. A node
 * whose op has no kernel here runs its twin.
 */

import * as tf from '@tensorflow/tfjs-core';
import { f16ToF32, f32ToF16 } from '../core/f16';
import { internal } from '../core/errors';
import { isQuantised } from '../core/quantised';
import { sizeOf } from '../core/shape';
import { listed, named } from '../../kernels/lib/named';
import type { Address, ProcessorLaunch, Value, Word, Work } from '../../kernels/op';
import type { Compiled, Executor, HostArray } from './executor';
import { storageOf, type Node } from './graph';
import { declaredIn, Lifetimes } from './lifetimes';
import { layOut, share, type Allocation, type Memory } from './memory';
import type { Plan } from './plan';
import { RECORD_WORDS, type ProcessorKernels } from './processor';
import { heldBytes, isRounded, processorLaunch } from './processor-launch';
import { startTfjsWasm } from './tfjs-backend';

/** A part of a compiled plan: records of our kernels, or a node that runs its twin. */
type Step = { readonly records: number; readonly count: number } | { readonly node: Node };

interface Prepared extends Compiled {
  readonly steps: readonly Step[];
  readonly memory: Memory;
  /** Addresses of the memory's buffers. */
  readonly buffers: readonly number[];
  readonly declared: readonly Value[];
}

interface SharedBuffer {
  readonly at: number;
  readonly bytes: number;
  /** How many plans use it. */
  plans: number;
}

export class ProcessorExecutor implements Executor {
  readonly kind = 'wasm';
  readonly #kernels: ProcessorKernels;
  readonly #addresses = new Map<Value, number>();
  readonly #lifetimes = new Lifetimes();
  readonly #compiled = new Set<Prepared>();
  /** Buffers of temporaries and scratch, with the number of plans that use each. */
  #shared: SharedBuffer[] = [];

  constructor(kernels: ProcessorKernels) {
    this.#kernels = kernels;
  }

  write(value: Value, data: HostArray): void {
    this.#lifetimes.check(value, 'written');
    const held = isRounded(value) && data instanceof Uint16Array ? f16ToF32(data) : data;
    const expected = isRounded(value) || value.dtype !== 'f16' ? heldBytes(value) : 2 * sizeOf(value.shape);
    if (held.byteLength !== expected) throw internal(`${value.name} takes ${expected} bytes, got ${held.byteLength}`);
    const at = this.#addressOf(value);
    this.#kernels.heap.bytes.set(new Uint8Array(held.buffer, held.byteOffset, held.byteLength), at);
  }

  async read(value: Value): Promise<HostArray> {
    this.#lifetimes.check(value, 'read');
    return Promise.resolve(this.#hostArray(value, this.#addressOf(value)));
  }

  async compile(plan: Plan): Promise<Prepared> {
    const declared = declaredIn(plan);
    this.#lifetimes.checkPlan(plan, declared);
    const launches = new Map(plan.nodes.map((node) => [node, processorLaunch(node, this.#kernels)]));
    // Twins run on tfjs.
    if ([...launches.values()].includes(null)) await startTfjsWasm();
    const memory = layOut(plan, (node) => launches.get(node)?.scratch ?? [], heldBytes);
    const shared: SharedBuffer[] = [];
    const blocks: number[] = [];
    try {
      this.#take(memory.buffers, shared);
      const buffers = shared.map(({ at }) => at);
      const steps = this.#stepsOf(plan, launches, { memory, buffers }, blocks);
      const dispose = () => {
        if (this.#compiled.delete(compiled)) this.#giveBack(shared, blocks);
      };
      const compiled: Prepared = { plan, steps, memory, buffers, declared, dispose };
      this.#compiled.add(compiled);
      return compiled;
    } catch (error) {
      this.#giveBack(shared, blocks);
      throw error;
    }
  }

  async run(compiled: Compiled): Promise<readonly HostArray[]> {
    const { plan, steps, declared, ...place } = compiled as Prepared;
    this.#lifetimes.checkPlan(plan, declared);
    if (!this.#compiled.has(compiled as Prepared)) throw internal(`the compiled plan ${plan.name} was disposed and cannot run`);
    for (const step of steps) {
      if ('node' in step) this.#runTwin(step.node, place);
      else this.#kernels.run(step.records, step.count);
    }
    return Promise.resolve(plan.outputs.map((value) => this.#hostArray(value, this.#locate(value, place))));
  }

  release(value: Value): void {
    this.#lifetimes.release(value);
    const at = this.#addresses.get(value);
    if (at !== undefined) this.#kernels.heap.free(at);
    this.#addresses.delete(value);
  }

  /** The heap throws at once when there is no memory. */
  granted(): Promise<void> {
    return Promise.resolve();
  }

  bytes(): number {
    return this.#kernels.heap.used;
  }

  dispose(): void {
    this.#lifetimes.dispose();
    for (const compiled of [...this.#compiled]) compiled.dispose();
    for (const at of this.#addresses.values()) this.#kernels.heap.free(at);
    this.#addresses.clear();
  }

  #stepsOf(plan: Plan, launches: ReadonlyMap<Node, ProcessorLaunch | null>, place: Place, blocks: number[]): readonly Step[] {
    const steps: Step[] = [];
    let pending: { readonly node: Node; readonly work: Work }[] = [];
    const flush = () => {
      if (pending.length === 0) return;
      const records = this.#kernels.heap.take(4 * RECORD_WORDS * pending.length);
      blocks.push(records);
      const words = pending.map(({ node, work }) => [
        this.#kernels.indexOf(work.kernel),
        this.#record(work.args, node, place, blocks),
        work.units,
        ...[0, 0, 0],
      ]);
      this.#view(records, RECORD_WORDS * pending.length).set(words.flat());
      steps.push({ records, count: pending.length });
      pending = [];
    };
    for (const node of plan.nodes) {
      const launch = launches.get(node) ?? null;
      if (launch !== null) pending.push(...launch.work.map((work) => ({ node, work })));
      else {
        flush();
        steps.push({ node });
      }
    }
    flush();
    return steps;
  }

  /** Writes the words of a record, and returns its address. */
  #record(words: readonly Word[], node: Node, place: Place, blocks: number[]): number {
    const resolved = words.map((word) => this.#resolve(word, node, place, blocks));
    const at = this.#kernels.heap.take(4 * words.length);
    blocks.push(at);
    const [view, floats] = [this.#view(at, words.length), new Float32Array(this.#kernels.heap.memory.buffer, at, words.length)];
    resolved.forEach((word, i) => {
      if (typeof word === 'number') view[i] = word;
      else floats[i] = word.f32;
    });
    return at;
  }

  #resolve(word: Word, node: Node, place: Place, blocks: number[]): number | { readonly f32: number } {
    if (word === null) return 0;
    if (typeof word === 'number' || typeof word === 'boolean') return Number(word);
    if ('f32' in word) return word;
    return 'from' in word ? this.#addressIn(node, word, place) : this.#record(word, node, place, blocks);
  }

  #addressIn(node: Node, { from, index, offset = 0 }: Address, place: Place): number {
    if (from === 'scratch') return offset + addressOf(place.memory.scratchOf.get(node)?.[index], place, `scratch ${index}`);
    const value = (from === 'input' ? node.inputs : node.outputs)[index];
    if (value === null || value === undefined) throw internal(`${node.op.name} takes ${from} ${index}, which is absent`);
    return offset + this.#locate(value, place);
  }

  #locate(value: Value, place: Place): number {
    return value.role === 'temp' ? addressOf(place.memory.allocationOf.get(value), place, value.name) : this.#addressOf(value);
  }

  #addressOf(value: Value): number {
    const owner = storageOf(value);
    const offset = 4 * (value.view?.offset ?? 0);
    const known = this.#addresses.get(owner);
    if (known !== undefined) return known + offset;
    const at = this.#kernels.heap.take(heldBytes(owner));
    this.#kernels.heap.bytes.fill(0, at, at + heldBytes(owner));
    this.#addresses.set(owner, at);
    return at + offset;
  }

  /** Adds buffers of these sizes to `taken`, and creates missing ones. Throws `gpu/memory` when there is no memory for them. */
  #take(bytes: readonly number[], taken: SharedBuffer[]): void {
    const pool = this.#shared.map((buffer) => buffer.bytes);
    for (const index of share(pool, bytes)) {
      const size = pool[index] ?? 0;
      const buffer = (this.#shared[index] ??= { at: this.#kernels.heap.take(size), bytes: size, plans: 0 });
      buffer.plans++;
      taken.push(buffer);
    }
  }

  /** Frees what a plan used, but for buffers that other plans use. */
  #giveBack(shared: readonly SharedBuffer[], blocks: readonly number[]): void {
    for (const block of blocks) this.#kernels.heap.free(block);
    for (const buffer of shared) if (--buffer.plans === 0) this.#kernels.heap.free(buffer.at);
    this.#shared = this.#shared.filter(({ plans }) => plans > 0);
  }

  #view(at: number, words: number): Int32Array {
    return new Int32Array(this.#kernels.heap.memory.buffer, at, words);
  }

  #hostArray(value: Value, at: number): HostArray {
    const bytes = new Uint8Array(this.#kernels.heap.bytes.subarray(at, at + heldBytes(value))).buffer;
    if (isRounded(value)) return f32ToF16(new Float32Array(bytes));
    if (value.dtype === 'f32') return new Float32Array(bytes);
    return value.dtype === 'f16' ? new Uint16Array(bytes) : new Int32Array(bytes);
  }

  #runTwin(node: Node, place: Place): void {
    const tensors = node.inputs.map((value) => value && this.#tensorOf(value, place));
    const outputs = tf.tidy(() =>
      listed(node.op.outputs, node.op.twin(named(node.op.inputs, tensors), node.attrs)).filter((tensor) => tensor !== null),
    );
    node.outputs.forEach((value, i) => {
      const data = outputs[i]?.dataSync();
      if (data === undefined) throw internal(`the twin of ${node.op.name} gave no output ${i}`);
      this.#store(value, data, this.#locate(value, place));
    });
    tf.dispose([outputs, tensors.filter((tensor) => tensor !== null)]);
  }

  #tensorOf(value: Value, place: Place): tf.Tensor {
    const data = this.#hostArray(value, this.#locate(value, place));
    if (isQuantised(value.dtype)) throw internal(`the twin would take ${value.name}, which is ${value.dtype}`);
    const numbers = data instanceof Uint16Array ? f16ToF32(data) : data;
    return tf.tensor(numbers.subarray(0, sizeOf(value.shape)), [...value.shape], value.dtype === 'i32' ? 'int32' : 'float32');
  }

  #store(value: Value, numbers: ArrayLike<number>, at: number): void {
    const data = value.dtype === 'i32' ? Int32Array.from(numbers) : Float32Array.from(numbers);
    if (value.dtype !== 'f16') this.#kernels.heap.bytes.set(new Uint8Array(data.buffer), at);
    else {
      const halves = f32ToF16(Float32Array.from(numbers));
      const held = isRounded(value) ? f16ToF32(halves) : halves;
      this.#kernels.heap.bytes.set(new Uint8Array(held.buffer), at);
    }
  }
}

interface Place {
  readonly memory: Memory;
  readonly buffers: readonly number[];
}

function addressOf(allocation: Allocation | undefined, { buffers }: Place, what: string): number {
  const start = buffers[allocation?.buffer ?? -1];
  if (allocation === undefined || start === undefined) throw internal(`${what} was not allocated`);
  return start + allocation.offset;
}
