/** Every buffer of a device is made here, so that the bytes that are held are known. */

import { CodedError } from '../core/errors';

export class Buffers {
  readonly #gpu: GPUDevice;
  readonly #held = new Set<GPUBuffer>();

  constructor(gpu: GPUDevice) {
    this.#gpu = gpu;
  }

  /** Bytes of all buffers that were made and not destroyed. */
  get bytes(): number {
    return [...this.#held].reduce((sum, { size }) => sum + size, 0);
  }

  /** A buffer of `size` bytes, at least one word. Throws `gpu/memory` when the device gives no buffer as large. */
  make(label: string, size: number, usage: GPUBufferUsageFlags): GPUBuffer {
    const { maxBufferSize } = this.#gpu.limits;
    if (size > maxBufferSize) throw outOfMemory(`${label} needs ${size} bytes, the device gives ${maxBufferSize} to one buffer`);
    const buffer = this.#gpu.createBuffer({ label, size: Math.max(4, size), usage });
    this.#held.add(buffer);
    return buffer;
  }

  destroy(buffer: GPUBuffer): void {
    this.#held.delete(buffer);
    buffer.destroy();
  }
}

/** `gpu/memory`: what could not be had, and what to do. */
export function outOfMemory(detail: string): CodedError {
  return new CodedError(
    'gpu/memory',
    `The GPU has not enough memory: ${detail}. Choose a shorter sequence length, a smaller micro-batch, a lower memory limit or a smaller model.`,
  );
}
