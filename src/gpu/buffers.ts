/** Every buffer of a device is made here, so that the bytes that are held are known. */

import { CodedError } from '../core/errors';

export class Buffers {
  readonly #gpu: GPUDevice;
  readonly #held = new Set<GPUBuffer>();
  /** Those that the device had no memory for, and its words. */
  readonly #refused = new WeakMap<GPUBuffer, string>();
  /** Settles when the device has said of every buffer whether there is one. */
  #answered: Promise<void> = Promise.resolve();

  constructor(gpu: GPUDevice) {
    this.#gpu = gpu;
  }

  /** Bytes of all buffers that were made and not destroyed. */
  get bytes(): number {
    return [...this.#held].reduce((sum, { size }) => sum + size, 0);
  }

  /**
   * A buffer of `size` bytes, at least one word. Throws `gpu/memory` when the device gives no buffer as large. Whether there is
   * memory for it comes later: see `granted`.
   */
  make(label: string, size: number, usage: GPUBufferUsageFlags): GPUBuffer {
    const { maxBufferSize } = this.#gpu.limits;
    if (size > maxBufferSize) throw outOfMemory(`${label} needs ${size} bytes, the device gives ${maxBufferSize} to one buffer`);
    this.#gpu.pushErrorScope('out-of-memory');
    const buffer = this.#gpu.createBuffer({ label, size: Math.max(4, size), usage });
    const answer = this.#gpu.popErrorScope();
    this.#answered = this.#after(this.#answered, answer, buffer);
    this.#held.add(buffer);
    return buffer;
  }

  /** Waits for what the device says of `buffers`. Throws `gpu/memory` when it had no memory for one of them. */
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
    // A lost device answers nothing; its loss is told elsewhere.
    const error = await answer.catch(() => null);
    if (error !== null) this.#refused.set(buffer, error.message);
    await before;
  }
}

/** `gpu/memory`: what could not be had, and what to do. */
export function outOfMemory(detail: string): CodedError {
  return new CodedError(
    'gpu/memory',
    `The GPU has not enough memory: ${detail}. Choose fewer bits for base weights or activations, a shorter sequence length, a smaller micro-batch, a lower memory limit or a smaller model.`,
  );
}
