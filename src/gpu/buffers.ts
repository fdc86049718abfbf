/** Creates all buffers of a device, and counts their bytes. */

import { CodedError } from '../core/errors';

export class Buffers {
  readonly #gpu: GPUDevice;
  readonly #held = new Set<GPUBuffer>();
  /** Buffers that the device had no memory for, and its error message. */
  readonly #refused = new WeakMap<GPUBuffer, string>();
  /** Settles when the device has answered for every buffer so far. */
  #answered: Promise<void> = Promise.resolve();

  constructor(gpu: GPUDevice) {
    this.#gpu = gpu;
  }

  /** Bytes of all buffers that were created and not destroyed. */
  get bytes(): number {
    return [...this.#held].reduce((sum, { size }) => sum + size, 0);
  }

  /**
   * Creates a buffer of `size` bytes, at least four. Throws `gpu/memory` when `size` is over the device's limit. Whether the device has
   * memory for it is known later: see `granted`.
   */
  make(label: string, size: number, usage: GPUBufferUsageFlags): GPUBuffer {
    const { maxBufferSize } = this.#gpu.limits;
    if (size > maxBufferSize) throw outOfMemory(`${label} needs ${size} bytes, the device allows ${maxBufferSize} in one buffer`);
    this.#gpu.pushErrorScope('out-of-memory');
    const buffer = this.#gpu.createBuffer({ label, size: Math.max(4, size), usage });
    const answer = this.#gpu.popErrorScope();
    this.#answered = this.#after(this.#answered, answer, buffer);
    this.#held.add(buffer);
    return buffer;
  }

  /** Resolves when the device has memory for all of `buffers`. Throws `gpu/memory` when it has none for one of them. */
  async granted(buffers: readonly GPUBuffer[]): Promise<void> {
    await this.#answered;
    for (const buffer of buffers) {
      const refusal = this.#refused.get(buffer);
      if (refusal !== undefined) throw outOfMemory(refusal);
    }
  }

  destroy(buffer: GPUBuffer): void {
    this.#held.delete(buffer);
    buffer.destroy();
  }

  async #after(before: Promise<void>, answer: Promise<GPUError | null>, buffer: GPUBuffer): Promise<void> {
    // A lost device does not answer; its loss is reported elsewhere.
    const error = await answer.catch(() => null);
    if (error !== null) this.#refused.set(buffer, error.message);
    await before;
  }
}

/** A `gpu/memory` error: what could not be allocated, and what to do. */
export function outOfMemory(detail: string): CodedError {
  return new CodedError(
    'gpu/memory',
    `The GPU does not have enough memory: ${detail}. Choose fewer bits for base weights or activations, a shorter sequence length, a smaller micro-batch, a lower memory limit or a smaller model.`,
  );
}
