/** The kernels for the processor: their builds, their threads, and running them. */

import { relaxedSimd, simd, threads } from 'wasm-feature-detect';
import { CodedError, internal } from '../core/errors';
import { Heap } from './heap';
import { fillTable } from './kernel-table';

/** Builds of the kernels, by what they use of WebAssembly. */
export const BUILDS = {
  simd: () => import('../../kernels/index.wasm.ts?build=simd'),
  relaxed: () => import('../../kernels/index.wasm.ts?build=relaxed'),
  threads: () => import('../../kernels/index.wasm.ts?build=threads'),
} as const;

export type BuildName = keyof typeof BUILDS;

/** Threads beyond this number would wait for memory. */
const MOST_THREADS = 16;

/** The builds that this browser can run, with their threads, the fastest first. Threads need a page that is cross-origin isolated. */
export async function usableBuilds(): Promise<readonly { readonly build: BuildName; readonly threads: number }[]> {
  const [isSimd, isRelaxed, hasThreads] = await Promise.all([simd(), relaxedSimd(), threads()]);
  const count = Math.min(MOST_THREADS, navigator.hardwareConcurrency);
  return [
    ...(isRelaxed && hasThreads && globalThis.crossOriginIsolated && count > 1
      ? [{ build: 'threads', threads: count } as const]
      : []),
    ...(isRelaxed ? [{ build: 'relaxed', threads: 1 } as const] : []),
    ...(isSimd ? [{ build: 'simd', threads: 1 } as const] : []),
  ];
}

/** What a helper thread starts with. */
export interface ThreadStart {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** Address of what the threads share; see schedule.wasm.ts. */
  readonly control: number;
  /** 1 and up; the thread that starts runs is 0. */
  readonly thread: number;
}

interface Exports {
  readonly run_alone: (records: number, count: number) => void;
  readonly run_shared: (control: number, run: number, records: number, count: number, sleeps: boolean) => number;
}

/** Words of a record; see schedule.wasm.ts. */
export const RECORD_WORDS = 6;

const CONTROL_BYTES = 20;
/** Byte of the flag that ends the helpers. */
const STOPPED = 16;
const PAGES = { first: 16, most: 65536 };
/** Milliseconds in which a helper must have started. */
const START_TIME = 10_000;

/** A page's thread may not sleep, a worker's may. */
const MAY_SLEEP = typeof document === 'undefined';

/** An instance of the kernels with its memory and its helper threads. */
export class ProcessorKernels {
  readonly build: BuildName;
  readonly heap: Heap;
  /** Resolves when a thread has ended, so that nothing more can be computed; null where there is one thread. */
  readonly lost: Promise<CodedError> | null;
  #lose: (error: CodedError) => void = () => undefined;
  readonly #exports: Exports;
  /** Indices of kernels, for records. */
  readonly #indices: ReadonlyMap<string, number>;
  readonly #control: number;
  #helpers: readonly Worker[] = [];
  #runs = 0;

  private constructor(build: BuildName, memory: WebAssembly.Memory, instance: WebAssembly.Instance) {
    this.build = build;
    this.lost = build === 'threads' ? new Promise((resolve) => (this.#lose = resolve)) : null;
    this.heap = new Heap(memory);
    this.#exports = instance.exports as unknown as Exports;
    this.#indices = fillTable(instance);
    this.#control = this.heap.take(CONTROL_BYTES);
  }

  /** `threads` above 1 need the build `threads`. */
  static async open(build: BuildName, threads = 1): Promise<ProcessorKernels> {
    const { default: bytes } = await BUILDS[build]();
    const limits = { initial: PAGES.first, maximum: PAGES.most };
    const memory = new WebAssembly.Memory(build === 'threads' ? { ...limits, shared: true } : limits);
    const module = await WebAssembly.compile(bytes);
    const kernels = new ProcessorKernels(build, memory, await WebAssembly.instantiate(module, { env: { memory } }));
    await kernels.#start(module, threads - 1);
    return kernels;
  }

  get threads(): number {
    return 1 + this.#helpers.length;
  }

  indexOf(kernel: string): number {
    const index = this.#indices.get(kernel);
    if (index === undefined) throw internal(`no kernel for the processor is named ${kernel}`);
    return index;
  }

  /** Runs `count` records. Throws `gpu/lost` when a helper thread has ended. */
  run(records: number, count: number): void {
    if (this.#helpers.length === 0) this.#exports.run_alone(records, count);
    else if (this.#exports.run_shared(this.#control, ++this.#runs, records, count, MAY_SLEEP) === 0) {
      const error = new CodedError('gpu/lost', 'The browser ended a thread that computes.');
      this.#lose(error);
      throw error;
    }
  }

  /** Ends the helper threads. */
  close(): void {
    const words = new Int32Array(this.heap.memory.buffer, this.#control, CONTROL_BYTES / 4);
    Atomics.store(words, STOPPED / 4, 1);
    for (const helper of this.#helpers) helper.terminate();
    this.#helpers = [];
  }

  async #start(module: WebAssembly.Module, count: number): Promise<void> {
    const started = Array.from({ length: count }, async (_, i) => {
      const worker = new Worker(new URL('../../workers/kernel-thread.ts', import.meta.url), { type: 'module' });
      const start: ThreadStart = { module, memory: this.heap.memory, control: this.#control, thread: i + 1 };
      const ready = await new Promise<boolean>((resolve) => {
        worker.onmessage = () => resolve(true);
        worker.onerror = () => resolve(false);
        setTimeout(() => resolve(false), START_TIME);
        worker.postMessage(start);
      });
      if (!ready) worker.terminate();
      return ready ? worker : null;
    });
    this.#helpers = (await Promise.all(started)).filter((worker) => worker !== null);
  }
}
