/** The contract between a graph and the device that runs it, with two implementations: raw WGSL on WebGPU, and tfjs. */

import type { Target, Value } from '../../kernels/op';
import type { Plan } from './plan';

/**
 * Host data of a value: f32 as Float32Array, i32 as Int32Array, f16 as raw 16-bit patterns in a Uint16Array. A quantised value is not
 * written but quantised on the device (write-quantised.ts); WebGPU reads it back as raw words, tfjs as f32 numbers.
 */
export type HostArray = Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;

/** Whether weights are held as they are stored. The twins hold every number as f32. */
export function holdsStored(kind: Executor['kind']): boolean {
  return kind === 'webgpu' || kind === 'wasm';
}

/** A plan that is ready to run: pipelines compiled, bindings fixed. */
export interface Compiled {
  readonly plan: Plan;
  /** Frees what only this plan uses. The plan cannot run afterwards. */
  dispose(): void;
}

/**
 * Storage of declared values is allocated at their first use; a value that was never written holds zeros. After `release` of a value, or
 * `dispose` of the executor, every use of the value (write, read, compile, run of a plan compiled before) fails with an `internal:`
 * error that names it.
 */
export interface Executor {
  /** Which kernels run: ours on WebGPU or in WebAssembly, or the twins on a backend of tfjs. */
  readonly kind: 'webgpu' | 'wasm' | 'tfjs-webgpu' | 'tfjs-wasm' | 'cpu';
  /** Uploads a declared value. */
  write(value: Value, data: HostArray): void;
  /** Downloads a declared value. */
  read(value: Value): Promise<HostArray>;
  /** `tiles` names the tile of a matrix product (kernels/lib/tile.ts); products that it has no name for take the static choice. */
  compile(plan: Plan, onProgress?: (done: number, total: number) => void, tiles?: Target['tiles']): Promise<Compiled>;
  /**
   * Runs once and resolves with the plan's outputs, in order. The work is queued before the call returns, so several runs may be
   * started without awaiting each other: they execute, and resolve, in the order of the calls.
   */
  run(compiled: Compiled): Promise<readonly HostArray[]>;
  /** Frees a declared value for good; a flat value with its views. Releasing it again does nothing. */
  release(value: Value): void;
  /** Throws `gpu/memory` when the device had no memory for a value that was written or compiled. */
  granted(): Promise<void>;
  /** Bytes of storage currently allocated. */
  bytes(): number;
  dispose(): void;
}
