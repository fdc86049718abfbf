/** The contract between a graph and the device that runs it. Two stand behind it: raw WGSL on WebGPU, and tfjs. */

import type { Target, Value } from '../../kernels/op';
import type { Plan } from './plan';

/**
 * Host data of a value: f32 as Float32Array, i32 as Int32Array, f16 as the raw halves in a Uint16Array. Quantised values are
 * not written but quantised (write-quantised.ts); read, they are the raw words from WebGPU, the numbers in f32 from tfjs.
 */
export type HostArray = Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;

/** A plan made ready to run: pipelines compiled, bindings fixed. */
export interface Compiled {
  readonly plan: Plan;
  /** Gives back what the plan alone used. */
  dispose(): void;
}

export interface Executor {
  readonly kind: 'webgpu' | 'wasm' | 'cpu';
  /** Uploads a declared value; storage comes into being at the first write. Values never written hold zeros. */
  write(value: Value, data: HostArray): void;
  /** Downloads a declared value. */
  read(value: Value): Promise<HostArray>;
  /** `tiles` names the tile of a matrix product (kernels/lib/tile.ts); the static choice where it gives none. */
  compile(plan: Plan, onProgress?: (done: number, total: number) => void, tiles?: Target['tiles']): Promise<Compiled>;
  /**
   * Runs once and hands over the plan's outputs, in order. Work is queued before the call returns, so runs may follow each
   * other without awaiting: results arrive in order.
   */
  run(compiled: Compiled): Promise<readonly HostArray[]>;
  /** Frees a declared value. */
  release(value: Value): void;
  /** Throws `gpu/memory` when there was no memory for a value that was written or compiled. */
  granted(): Promise<void>;
  /** Bytes of storage held now. */
  bytes(): number;
  dispose(): void;
}
