/**
 * The tfjs executor on tfjs's WebGPU backend and our device, for drivers on which our own kernels fail. Every number is a 4-byte one.
 * Errors of the device are collected in error scopes, since tfjs ignores them and would go on with zeros.
 */

import type { Tensor } from '@tensorflow/tfjs-core';
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import { CodedError } from '../core/errors';
import { outOfMemory } from '../gpu/buffers';
import type { Compiled, HostArray } from './executor';
import type { Graph } from './graph';
import { TfjsExecutor } from './run-tfjs';

export class TfjsWebGpuExecutor extends TfjsExecutor {
  readonly #backend: WebGPUBackend;
  /** Settles when the device has accepted or refused every write so far. */
  #written: Promise<void> = Promise.resolve();

  /** `backend`: as `startTfjsWebGpu` gave it, and the current one. */
  constructor(graph: Graph, backend: WebGPUBackend) {
    super(graph, 'tfjs-webgpu');
    this.#backend = backend;
  }

  override async run(compiled: Compiled): Promise<readonly HostArray[]> {
    const { result, checked } = this.#checked(() => {
      const running = super.run(compiled);
      this.#submit();
      return running;
    });
    const [refused, finished] = await Promise.allSettled([checked, result]);
    // What the device refused is the cause of any other error.
    for (const outcome of [refused, finished]) if (outcome.status === 'rejected') throw outcome.reason;
    return result;
  }

  override async granted(): Promise<void> {
    const written = this.#written;
    this.#written = Promise.resolve();
    await written;
  }

  /** Bytes of all buffers that tfjs holds on the device, those that it keeps for reuse included. */
  override bytes(): number {
    return this.#backend.bufferManager.numBytesAllocated;
  }

  /** Frees the buffers that tfjs keeps for reuse too, unless another executor uses the backend. */
  override dispose(): void {
    super.dispose();
    this.#submit();
    if (this.#backend.numDataIds() === 0) this.#backend.bufferManager.dispose();
  }

  /** Uploads at once: tfjs would hold the data in memory until the first use. */
  protected override keep(tensor: Tensor): Tensor {
    const { checked } = this.#checked(() => {
      this.#backend.uploadToGPU(tensor.dataId);
      this.#submit();
    });
    const before = this.#written;
    this.#written = checked.then(() => before);
    // Reported by `granted`; until then the rejection must not count as unhandled.
    this.#written.catch(() => undefined);
    return super.keep(tensor);
  }

  /** Sends the recorded commands to the device. */
  #submit(): void {
    this.#backend.ensureCommandEncoderReady();
    this.#backend.endComputePassEncoder();
    this.#backend.submitQueue();
  }

  /** Runs `work`, whose synchronous part records and submits; `checked` rejects when the device refused any of that. */
  #checked<T>(work: () => T): { readonly result: T; readonly checked: Promise<void> } {
    const { device } = this.#backend;
    device.pushErrorScope('validation');
    device.pushErrorScope('out-of-memory');
    try {
      const result = work();
      return { result, checked: throwErrors(device.popErrorScope(), device.popErrorScope()) };
    } catch (error) {
      throwErrors(device.popErrorScope(), device.popErrorScope()).catch(() => undefined);
      throw error;
    }
  }
}

async function throwErrors(memory: Promise<GPUError | null>, validation: Promise<GPUError | null>): Promise<void> {
  // A lost device gives no answers; its loss is reported elsewhere.
  const [full, invalid] = await Promise.all([memory, validation].map((error) => error.catch(() => null)));
  if (full) throw outOfMemory(full.message);
  if (invalid)
    throw new CodedError('gpu/shader', `TensorFlow.js's WebGPU backend failed: ${invalid.message}. Use ?backend=wasm.`);
}
