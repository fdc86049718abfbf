/**
 * The WebGPU executor. Pipelines and bind groups are created once, when a plan is compiled; a run only encodes and submits. Each declared
 * value has a buffer of its own; temporaries are in buffers that all plans share, since plans run one after another.
 */

import { internal } from '../core/errors';
import type { Device } from '../gpu/device';
import { tooLarge } from '../../kernels/lib/launch';
import type { Binding, Launch, Target, Value } from '../../kernels/op';
import type { Compiled, Executor, HostArray } from './executor';
import { storageOf, valueBytes, type Node } from './graph';
import { launcher, type LaunchOf } from './launches';
import { declaredIn, Lifetimes } from './lifetimes';
import { layOut, share, type Memory, type Allocation } from './memory';
import { costOf } from './node';
import type { Plan } from './plan';

/** One command of a compiled plan. */
interface Command {
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly workgroups: readonly [number, number, number];
  readonly flops: number;
}

interface GpuCompiled extends Compiled {
  readonly commands: readonly Command[];
  /** The shared buffers of its temporaries and scratch. */
  readonly buffers: readonly GPUBuffer[];
  /** The source of each output. */
  readonly results: readonly BufferRange[];
  /** The declared values whose buffers the commands bind. */
  readonly declared: readonly Value[];
}

/** A range of a buffer, in bytes. */
interface BufferRange {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly size: number;
}

interface Staging {
  readonly buffer: GPUBuffer;
  readonly size: number;
}

const USAGE = 0x80 | 0x8 | 0x4; // STORAGE | COPY_DST | COPY_SRC
/** Target duration of one submit: short enough for the driver's watchdog, and for the page to be drawn in between. */
const SUBMIT_SECONDS = 0.1;
/** A quiet NaN. A kernel that reads memory it should not, or does not write all of its output, gives a wrong result. */
const POISON = 0x7fc0dead;

export interface GpuOptions {
  /** For tests: fills temporaries with NaN before every run. */
  readonly poison?: boolean;
}

export class WebGpuExecutor implements Executor {
  readonly kind = 'webgpu';
  readonly #device: Device;
  readonly #poison: boolean;
  readonly #launchOf: LaunchOf;
  readonly #buffers = new Map<Value, GPUBuffer>();
  readonly #lifetimes = new Lifetimes();
  readonly #compiled = new Set<GpuCompiled>();
  /** Buffers of temporaries and scratch, with the number of plans that use each. */
  #shared: { readonly buffer: GPUBuffer; plans: number }[] = [];
  #staging: Staging[] = [];
  /** Limit on the operations of one submit, from the measured speed. */
  #flopsPerSubmit = 2e9;

  constructor(device: Device, options: GpuOptions = {}) {
    this.#device = device;
    this.#poison = options.poison ?? false;
    this.#launchOf = launcher(device.target);
  }

  write(value: Value, data: HostArray): void {
    this.#lifetimes.check(value, 'written');
    const padded = data.byteLength % 4 === 0 ? data : padToWords(data);
    if (padded.byteLength !== valueBytes(value)) {
      throw internal(`${value.name} takes ${valueBytes(value)} bytes, got ${padded.byteLength}`);
    }
    this.#device.gpu.queue.writeBuffer(this.#bufferOf(value), this.#offsetOf(value), padded);
  }

  async read(value: Value): Promise<HostArray> {
    this.#lifetimes.check(value, 'read');
    const encoder = this.#device.gpu.createCommandEncoder();
    const staging = this.#stage(encoder, [
      { buffer: this.#bufferOf(value), offset: this.#offsetOf(value), size: valueBytes(value) },
    ]);
    this.#device.gpu.queue.submit([encoder.finish()]);
    const [data] = await this.#collect(staging, { outputs: [value] });
    if (data === undefined) throw internal(`${value.name} gave no data`);
    return data;
  }

  /** `layout`: the memory of the plan; that of the whole plan when `plan` is a part of one. */
  async compile(
    plan: Plan,
    onProgress: (done: number, total: number) => void = () => undefined,
    tiles?: Target['tiles'],
    layout?: Memory,
  ): Promise<GpuCompiled> {
    const declared = declaredIn(plan);
    this.#lifetimes.checkPlan(plan, declared);
    const { target } = this.#device;
    const launchOf = tiles === undefined ? this.#launchOf : launcher({ ...target, tiles });
    const launches = plan.nodes.map(launchOf);
    const memory = layout ?? this.memoryOf(plan, launchOf);
    const buffers = await this.#take(plan, memory);
    const commands = await this.#record(plan, launches, memory, buffers, onProgress).catch((error: unknown) => {
      this.#giveBack(buffers);
      throw error;
    });
    const results = plan.outputs.map((value) => this.#locate(value, memory, buffers));
    const compiled: GpuCompiled = {
      plan,
      commands,
      results,
      buffers,
      declared,
      dispose: () => {
        if (!this.#compiled.delete(compiled)) return;
        this.#giveBack(buffers);
        this.#trimStaging();
      },
    };
    this.#compiled.add(compiled);
    return compiled;
  }

  /** The plan's dispatches with their pipelines, compiled in parallel, and bind groups. */
  #record(
    plan: Plan,
    launches: readonly Launch[],
    memory: Memory,
    buffers: readonly GPUBuffer[],
    onProgress: (done: number, total: number) => void,
  ): Promise<GpuCompiled['commands']> {
    let done = 0;
    const total = launches.reduce((sum, launch) => sum + launch.dispatches.length, 0);
    return Promise.all(
      plan.nodes.flatMap((node, i) =>
        (launches[i]?.dispatches ?? []).map(async (dispatch, _, { length }) => {
          const pipeline = await this.#device.pipelines.get(dispatch);
          onProgress(++done, total);
          const bindings = dispatch.bindings.map((binding) => this.#resource(node, binding, memory, buffers));
          const bindGroup = this.#device.gpu.createBindGroup({
            label: dispatch.shader.label,
            layout: pipeline.getBindGroupLayout(0),
            entries: bindings.map((resource, binding) => ({ binding, resource })),
          });
          const flops = costOf(node).flops / length;
          return { pipeline, bindGroup, workgroups: dispatch.workgroups, flops };
        }),
      ),
    );
  }

  run(compiled: Compiled): Promise<readonly HostArray[]> {
    const { commands, results, buffers, plan, declared } = compiled as GpuCompiled;
    this.#lifetimes.checkPlan(plan, declared);
    if (!this.#compiled.has(compiled as GpuCompiled))
      throw internal(`the compiled plan ${plan.name} was disposed and cannot run`);
    const most = plan.oneSubmit === true ? Infinity : this.#flopsPerSubmit;
    const { gpu } = this.#device;
    if (this.#poison)
      for (const buffer of buffers) gpu.queue.writeBuffer(buffer, 0, new Uint32Array(buffer.size / 4).fill(POISON));
    let encoder = gpu.createCommandEncoder();
    let pass = encoder.beginComputePass();
    let queued = 0;
    const started = performance.now();
    for (let i = 0; i < commands.length; i++) {
      const command = commands[i];
      if (command === undefined) break;
      if (queued > 0 && queued + command.flops > most) {
        pass.end();
        gpu.queue.submit([encoder.finish()]);
        encoder = gpu.createCommandEncoder();
        pass = encoder.beginComputePass();
        queued = 0;
      }
      pass.setPipeline(command.pipeline);
      pass.setBindGroup(0, command.bindGroup);
      // Not spread, which would allocate an iterator for every dispatch.
      pass.dispatchWorkgroups(command.workgroups[0], command.workgroups[1], command.workgroups[2]);
      queued += command.flops;
    }
    pass.end();
    const staging = this.#stage(encoder, results);
    gpu.queue.submit([encoder.finish()]);
    return this.#collect(staging, plan, started);
  }

  release(value: Value): void {
    this.#lifetimes.release(value);
    const buffer = this.#buffers.get(value);
    if (buffer !== undefined) this.#device.buffers.destroy(buffer);
    this.#buffers.delete(value);
  }

  granted(): Promise<void> {
    return this.#device.buffers.granted([...this.#buffers.values()]);
  }

  /** Bytes of all buffers of the device, those of other executors included. */
  bytes(): number {
    return this.#device.buffers.bytes;
  }

  /** The memory layout of a plan's temporaries and scratch on this device. */
  memoryOf(plan: Plan, launchOf = this.#launchOf): Memory {
    return layOut(plan, (node) => launchOf(node).scratch);
  }

  dispose(): void {
    this.#lifetimes.dispose();
    for (const compiled of [...this.#compiled]) compiled.dispose();
    for (const buffer of this.#buffers.values()) this.#device.buffers.destroy(buffer);
    for (const { buffer } of this.#staging) this.#device.buffers.destroy(buffer);
    this.#buffers.clear();
    this.#staging = [];
  }

  /** Other work on the device makes the measured speed too low, never too high: submits get shorter, never longer than the target. */
  #adapt(flops: number, seconds: number): void {
    if (flops < 1e7) return;
    this.#flopsPerSubmit = Math.max(1e8, (flops / seconds) * SUBMIT_SECONDS);
  }

  /** Takes shared buffers for a plan, and creates missing ones. Throws `gpu/memory` when the device has no memory for them. */
  async #take(plan: Plan, memory: Memory): Promise<readonly GPUBuffer[]> {
    const { buffers } = this.#device;
    const pool = this.#shared.map(({ buffer }) => buffer.size);
    const taken: GPUBuffer[] = [];
    try {
      for (const index of share(pool, memory.buffers)) {
        const shared = (this.#shared[index] ??= { buffer: buffers.make(plan.name, pool[index] ?? 0, USAGE), plans: 0 });
        shared.plans++;
        taken.push(shared.buffer);
      }
      await buffers.granted(taken);
      return taken;
    } catch (error) {
      this.#giveBack(taken);
      throw error;
    }
  }

  /** Returns shared buffers, and destroys those that no other plan uses. */
  #giveBack(buffers: readonly GPUBuffer[]): void {
    for (const shared of this.#shared) {
      if (!buffers.includes(shared.buffer) || --shared.plans > 0) continue;
      this.#device.buffers.destroy(shared.buffer);
    }
    this.#shared = this.#shared.filter(({ plans }) => plans > 0);
  }

  #resource(node: Node, binding: Binding, memory: Memory, buffers: readonly GPUBuffer[]): BufferRange {
    const whole = this.#whole(node, binding, memory, buffers);
    const { range } = binding;
    const part = range === undefined ? whole : { buffer: whole.buffer, offset: whole.offset + range.offset, size: range.size };
    const limit = this.#device.gpu.limits.maxStorageBufferBindingSize;
    if (part.size > limit) throw tooLarge(`${binding.from} ${binding.index} of ${node.op.name}`, part.size, limit);
    return part;
  }

  #whole(node: Node, { from, index }: Binding, memory: Memory, buffers: readonly GPUBuffer[]): BufferRange {
    if (from === 'scratch') return rangeOf(memory.scratchOf.get(node)?.[index], buffers, `scratch ${index} of ${node.op.name}`);
    const value = (from === 'input' ? node.inputs : node.outputs)[index];
    if (value === null || value === undefined) throw internal(`${node.op.name} binds ${from} ${index}, which is absent`);
    return this.#locate(value, memory, buffers);
  }

  #locate(value: Value, memory: Memory, buffers: readonly GPUBuffer[]): BufferRange {
    if (value.role === 'temp') return rangeOf(memory.allocationOf.get(value), buffers, value.name);
    return { buffer: this.#bufferOf(value), offset: this.#offsetOf(value), size: valueBytes(value) };
  }

  #offsetOf(value: Value): number {
    return 4 * (value.view?.offset ?? 0);
  }

  #bufferOf(value: Value): GPUBuffer {
    const owner = storageOf(value);
    const known = this.#buffers.get(owner);
    if (known !== undefined) return known;
    const made = this.#device.buffers.make(owner.name, valueBytes(owner), USAGE);
    this.#buffers.set(owner, made);
    return made;
  }

  #stage(encoder: GPUCommandEncoder, sources: GpuCompiled['results']): Staging {
    let size = 0;
    for (const source of sources) size += source.size;
    const staging = this.#reused(size) ?? { size, buffer: this.#device.buffers.make('staging', size, 0x1 | 0x8) };
    let at = 0;
    for (const { buffer, offset, size: bytes } of sources) {
      encoder.copyBufferToBuffer(buffer, offset, staging.buffer, at, bytes);
      at += bytes;
    }
    return staging;
  }

  /** Destroys free staging buffers of sizes that no plan's outputs have: those of disposed plans, and of values read during them. */
  #trimStaging(): void {
    const needed = new Set([...this.#compiled].map(({ results }) => results.reduce((sum, { size }) => sum + size, 0)));
    for (const { buffer, size } of this.#staging) if (!needed.has(size)) this.#device.buffers.destroy(buffer);
    this.#staging = this.#staging.filter(({ size }) => needed.has(size));
  }

  /** Removes a free staging buffer of `size` bytes from the list, and returns it. */
  #reused(size: number): Staging | undefined {
    for (let i = 0; i < this.#staging.length; i++) {
      const found = this.#staging[i];
      if (found?.size !== size) continue;
      const last = this.#staging.pop();
      if (last !== undefined && last !== found) this.#staging[i] = last;
      return found;
    }
    return undefined;
  }

  /** `started`: when a whole run began, to measure its speed; absent for other reads. */
  async #collect(staging: Staging, plan: Pick<Plan, 'outputs'> & Partial<Plan>, started?: number): Promise<HostArray[]> {
    await staging.buffer.mapAsync(0x1);
    const bytes = staging.buffer.getMappedRange();
    const data: HostArray[] = [];
    let at = 0;
    for (const value of plan.outputs) {
      const size = valueBytes(value);
      data.push(hostArray(value, bytes.slice(at, at + size)));
      at += size;
    }
    staging.buffer.unmap();
    this.#staging.push(staging);
    // Plans of one submit are short and wait for memory and the host: their speed does not predict that of other plans.
    if (started !== undefined && plan.oneSubmit !== true) this.#adapt(plan.flops ?? 0, (performance.now() - started) / 1000);
    return data;
  }
}

function rangeOf(allocation: Allocation | undefined, buffers: readonly GPUBuffer[], what: string): BufferRange {
  const buffer = buffers[allocation?.buffer ?? -1];
  if (allocation === undefined || buffer === undefined) throw internal(`${what} was not allocated`);
  return { buffer, offset: allocation.offset, size: allocation.size };
}

function hostArray(value: Value, bytes: ArrayBuffer): HostArray {
  if (value.dtype === 'f32') return new Float32Array(bytes);
  return value.dtype === 'f16' ? new Uint16Array(bytes) : new Int32Array(bytes);
}

/** An odd number of f16, padded to whole 4-byte words. */
function padToWords(data: HostArray): Uint8Array<ArrayBuffer> {
  const padded = new Uint8Array(Math.ceil(data.byteLength / 4) * 4);
  padded.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return padded;
}
