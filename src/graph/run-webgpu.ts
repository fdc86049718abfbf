/**
 * The WebGPU executor. Pipelines and bind groups are made once, when a plan is compiled; a run only encodes and submits.
 * Storage is one buffer per declared value; temporaries live in the plan's slots.
 */

import { CodedError } from '../core/errors';
import type { Device } from '../gpu/device';
import type { Binding, Dispatch, Launch, Value } from '../../kernels/op';
import type { Compiled, Executor, HostArray } from './executor';
import { storageOf, type Node } from './graph';
import { valueBytes, type Plan } from './plan';

/** One command of a compiled plan. */
interface Command {
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly workgroups: readonly [number, number, number];
  readonly flops: number;
}

interface GpuCompiled extends Compiled {
  readonly commands: readonly Command[];
  /** Buffers that this plan alone uses: slots, then scratch. */
  readonly buffers: readonly GPUBuffer[];
  /** Where each output is copied from. */
  readonly results: readonly { readonly buffer: GPUBuffer; readonly offset: number; readonly size: number }[];
}

interface Staging {
  readonly buffer: GPUBuffer;
  readonly size: number;
}

const USAGE = 0x80 | 0x8 | 0x4; // STORAGE | COPY_DST | COPY_SRC
/** Aim for the length of one submit, so that no watchdog trips and the page can draw. */
const SUBMIT_SECONDS = 0.1;
/** A quiet NaN: no kernel that reads what it should not, or leaves out what it should write, gives a right answer. */
const POISON = 0x7fc0dead;

export interface GpuOptions {
  /** Fills temporaries with NaN before every run: for tests. */
  readonly poison?: boolean;
}

export class WebGpuExecutor implements Executor {
  readonly kind = 'webgpu';
  readonly #device: Device;
  readonly #poison: boolean;
  readonly #buffers = new Map<Value, GPUBuffer>();
  readonly #compiled = new Set<GpuCompiled>();
  #staging: Staging[] = [];
  /** Work to put into one submit; follows the measured speed. */
  #flopsPerSubmit = 2e9;

  constructor(device: Device, options: GpuOptions = {}) {
    this.#device = device;
    this.#poison = options.poison ?? false;
  }

  write(value: Value, data: HostArray): void {
    const padded = data.byteLength % 4 === 0 ? data : padHalves(data);
    if (padded.byteLength !== valueBytes(value)) {
      throw new CodedError('internal', `internal: ${value.name} takes ${valueBytes(value)} bytes, got ${padded.byteLength}`);
    }
    this.#device.gpu.queue.writeBuffer(this.#bufferOf(value), this.#offsetOf(value), padded);
  }

  async read(value: Value): Promise<HostArray> {
    const encoder = this.#device.gpu.createCommandEncoder();
    const staging = this.#stage(encoder, [
      { buffer: this.#bufferOf(value), offset: this.#offsetOf(value), size: valueBytes(value) },
    ]);
    this.#device.gpu.queue.submit([encoder.finish()]);
    const [data] = await this.#collect(staging, [value]);
    if (data === undefined) throw new CodedError('internal', `internal: ${value.name} gave no data`);
    return data;
  }

  async compile(plan: Plan, onProgress: (done: number, total: number) => void = () => undefined): Promise<GpuCompiled> {
    const { gpu, target } = this.#device;
    gpu.pushErrorScope('out-of-memory');
    const launches = plan.nodes.map((node) => node.op.launch(node, node.attrs, target));
    const scratchSizes = launches.reduce<number[]>(largest, []);
    const slots = plan.slots.map((size) => this.#allocate(size, `${plan.name} slot`));
    const scratch = scratchSizes.map((size) => this.#allocate(size, `${plan.name} scratch`));
    const memory = await gpu.popErrorScope();
    if (memory !== null) throw outOfMemory(memory.message);
    let done = 0;
    const total = launches.reduce((sum, launch) => sum + launch.dispatches.length, 0);
    const commands = await Promise.all(
      launches.flatMap((launch, i) =>
        launch.dispatches.map(async (dispatch) => {
          const pipeline = await this.#device.pipelines.get(dispatch);
          onProgress(++done, total);
          return this.#command(plan, plan.nodes[i], dispatch, pipeline, launch, slots, scratch);
        }),
      ),
    );
    const results = plan.outputs.map((value) => ({ ...this.#locate(plan, value, slots), size: valueBytes(value) }));
    const compiled: GpuCompiled = {
      plan,
      commands,
      results,
      buffers: [...slots, ...scratch],
      dispose: () => {
        this.#compiled.delete(compiled);
        for (const buffer of compiled.buffers) buffer.destroy();
      },
    };
    this.#compiled.add(compiled);
    return compiled;
  }

  run(compiled: Compiled): Promise<readonly HostArray[]> {
    const { commands, results, buffers, plan } = compiled as GpuCompiled;
    const { gpu } = this.#device;
    if (this.#poison)
      for (const buffer of buffers) gpu.queue.writeBuffer(buffer, 0, new Uint32Array(buffer.size / 4).fill(POISON));
    let encoder = gpu.createCommandEncoder();
    let pass = encoder.beginComputePass();
    let queued = 0;
    const started = performance.now();
    for (const command of commands) {
      if (queued > 0 && queued + command.flops > this.#flopsPerSubmit) {
        pass.end();
        gpu.queue.submit([encoder.finish()]);
        encoder = gpu.createCommandEncoder();
        pass = encoder.beginComputePass();
        queued = 0;
      }
      pass.setPipeline(command.pipeline);
      pass.setBindGroup(0, command.bindGroup);
      pass.dispatchWorkgroups(...command.workgroups);
      queued += command.flops;
    }
    pass.end();
    const staging = this.#stage(encoder, results);
    gpu.queue.submit([encoder.finish()]);
    return this.#collect(staging, plan.outputs).then((data) => {
      this.#adapt(plan.flops, (performance.now() - started) / 1000);
      return data;
    });
  }

  release(value: Value): void {
    this.#buffers.get(value)?.destroy();
    this.#buffers.delete(value);
  }

  bytes(): number {
    const plans = [...this.#compiled].flatMap((compiled) => compiled.buffers);
    return [...this.#buffers.values(), ...plans, ...this.#staging.map((entry) => entry.buffer)].reduce(
      (sum, buffer) => sum + buffer.size,
      0,
    );
  }

  dispose(): void {
    for (const compiled of this.#compiled) compiled.dispose();
    for (const buffer of this.#buffers.values()) buffer.destroy();
    for (const { buffer } of this.#staging) buffer.destroy();
    this.#buffers.clear();
    this.#staging = [];
  }

  /** Speed is only known when the device had the run for itself, so it errs low: fewer, never longer submits. */
  #adapt(flops: number, seconds: number): void {
    if (flops < 1e7) return;
    this.#flopsPerSubmit = Math.max(1e8, (flops / seconds) * SUBMIT_SECONDS);
  }

  #command(
    plan: Plan,
    node: Node | undefined,
    dispatch: Dispatch,
    pipeline: GPUComputePipeline,
    launch: Launch,
    slots: readonly GPUBuffer[],
    scratch: readonly GPUBuffer[],
  ): Command {
    if (node === undefined) throw new CodedError('internal', 'internal: a launch without a node');
    const entries = dispatch.bindings.map((binding, i) => ({
      binding: i,
      resource: this.#resource(plan, node, binding, launch, slots, scratch),
    }));
    const bindGroup = this.#device.gpu.createBindGroup({
      label: dispatch.shader.label,
      layout: pipeline.getBindGroupLayout(0),
      entries,
    });
    const flops = node.op.cost(node, node.attrs).flops / launch.dispatches.length;
    return { pipeline, bindGroup, workgroups: dispatch.workgroups, flops };
  }

  #resource(
    plan: Plan,
    node: Node,
    binding: Binding,
    launch: Launch,
    slots: readonly GPUBuffer[],
    scratch: readonly GPUBuffer[],
  ): GPUBufferBinding {
    const range = binding.range;
    if (binding.from === 'scratch') {
      const buffer = scratch[binding.index];
      if (buffer === undefined) throw new CodedError('internal', `internal: ${node.op.name} has no scratch ${binding.index}`);
      return { buffer, offset: range?.offset ?? 0, size: range?.size ?? launch.scratch[binding.index] ?? buffer.size };
    }
    const value = (binding.from === 'input' ? node.inputs : node.outputs)[binding.index];
    if (value === null || value === undefined)
      throw new CodedError('internal', `internal: ${node.op.name} binds ${binding.from} ${binding.index}, which is absent`);
    const { buffer, offset } = this.#locate(plan, value, slots);
    return { buffer, offset: offset + (range?.offset ?? 0), size: range?.size ?? valueBytes(value) };
  }

  #locate(plan: Plan, value: Value, slots: readonly GPUBuffer[]): { buffer: GPUBuffer; offset: number } {
    if (value.role !== 'temp') return { buffer: this.#bufferOf(value), offset: this.#offsetOf(value) };
    const buffer = slots[plan.slotOf.get(value) ?? -1];
    if (buffer === undefined) throw new CodedError('internal', `internal: ${value.name} has no slot in ${plan.name}`);
    return { buffer, offset: 0 };
  }

  #offsetOf(value: Value): number {
    return 4 * (value.view?.offset ?? 0);
  }

  #bufferOf(value: Value): GPUBuffer {
    const owner = storageOf(value);
    const known = this.#buffers.get(owner);
    if (known !== undefined) return known;
    const made = this.#allocate(valueBytes(owner), owner.name);
    this.#buffers.set(owner, made);
    return made;
  }

  #allocate(size: number, label: string): GPUBuffer {
    const { maxBufferSize } = this.#device.gpu.limits;
    if (size > maxBufferSize) throw outOfMemory(`${label} needs ${size} bytes, the device gives ${maxBufferSize} to one buffer`);
    return this.#device.gpu.createBuffer({ label, size: Math.max(4, size), usage: USAGE });
  }

  #stage(encoder: GPUCommandEncoder, sources: GpuCompiled['results']): Staging {
    const size = sources.reduce((sum, source) => sum + source.size, 0);
    const free = this.#staging.findIndex((entry) => entry.size === size);
    const [reused] = free >= 0 ? this.#staging.splice(free, 1) : [];
    const staging = reused ?? {
      size,
      buffer: this.#device.gpu.createBuffer({ label: 'staging', size: Math.max(4, size), usage: 0x1 | 0x8 }),
    };
    let at = 0;
    for (const { buffer, offset, size: bytes } of sources) {
      encoder.copyBufferToBuffer(buffer, offset, staging.buffer, at, bytes);
      at += bytes;
    }
    return staging;
  }

  async #collect(staging: Staging, values: readonly Value[]): Promise<HostArray[]> {
    await staging.buffer.mapAsync(0x1);
    const bytes = staging.buffer.getMappedRange().slice(0);
    staging.buffer.unmap();
    this.#staging.push(staging);
    let at = 0;
    return values.map((value) => {
      const size = valueBytes(value);
      at += size;
      return hostArray(value, bytes.slice(at - size, at));
    });
  }
}

function largest(sizes: number[], launch: Launch): number[] {
  launch.scratch.forEach((size, i) => (sizes[i] = Math.max(sizes[i] ?? 0, size)));
  return sizes;
}

function hostArray(value: Value, bytes: ArrayBuffer): HostArray {
  if (value.dtype === 'f32') return new Float32Array(bytes);
  return value.dtype === 'i32' ? new Int32Array(bytes) : new Uint16Array(bytes);
}

/** An odd number of halves, made up to whole words. */
function padHalves(data: HostArray): Uint8Array<ArrayBuffer> {
  const padded = new Uint8Array(Math.ceil(data.byteLength / 4) * 4);
  padded.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return padded;
}

function outOfMemory(detail: string): CodedError {
  return new CodedError(
    'gpu/memory',
    `The GPU has not enough memory: ${detail}. Choose a shorter sequence length, a smaller micro-batch or a smaller model.`,
  );
}
