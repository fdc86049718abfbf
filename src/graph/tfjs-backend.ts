/** Starts the tfjs backends that twins run on. Their files are served with the page. */

import * as tf from '@tensorflow/tfjs-core';
import type { BackendValues } from '@tensorflow/tfjs-core';
import { setWasmPaths, type BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import plain from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url';
import simd from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import threaded from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url';
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import { CodedError, internal } from '../core/errors';
import type { Device } from '../gpu/device';

/** Makes `wasm` the current backend, with SIMD where the browser has it. */
export async function startTfjsWasm(): Promise<void> {
  if (tf.getBackend() === 'wasm') return;
  // On a cross-origin isolated host tfjs would start threads from blobs, which the page's content security policy forbids. They would
  // not pay: only matrix products use them, and the binary with threads is slower at everything else (tests/bench/RESULTS.md).
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  setWasmPaths({
    'tfjs-backend-wasm.wasm': plain,
    'tfjs-backend-wasm-simd.wasm': simd,
    'tfjs-backend-wasm-threaded-simd.wasm': threaded,
  });
  replaceSlice();
  if (await tf.setBackend('wasm')) return;
  throw new CodedError(
    'gpu/unavailable',
    'Neither WebGPU nor WebAssembly could be started. Update the browser, or try Chrome, Edge, Firefox or Safari of this year.',
  );
}

let sliceReplaced = false;

/**
 * Copies only the slice where it is one piece of memory. The kernel of tfjs 4.22 copies the whole tensor first: the views of a flat value
 * of 20 million numbers took most of a step.
 */
function replaceSlice(): void {
  if (sliceReplaced) return;
  const own = tf.getKernel('Slice', 'wasm');
  tf.unregisterKernel('Slice', 'wasm');
  tf.registerKernel({ ...own, kernelFunc: (args) => contiguousSlice(args as unknown as SliceArguments) ?? own.kernelFunc(args) });
  sliceReplaced = true;
}

interface SliceArguments {
  readonly inputs: { readonly x: tf.Tensor };
  readonly backend: BackendWasm;
  readonly attrs: { readonly begin: number | number[]; readonly size: number | number[] };
}

/** Null for a slice that is not one piece of memory. */
function contiguousSlice({ inputs: { x }, backend, attrs }: SliceArguments): tf.TensorInfo | null {
  const [begin, size] = tf.slice_util.parseSliceParams(x, attrs.begin, attrs.size);
  if (x.dtype === 'string' || begin === undefined || size === undefined) return null;
  if (!tf.slice_util.isSliceContinous(x.shape, begin, size)) return null;
  const offset = tf.slice_util.computeFlatOffset(begin, tf.util.computeStrides(x.shape));
  const out = backend.makeOutput(size, x.dtype);
  // The heap may have grown for the output, so that earlier views of it are detached.
  backend.typedArrayFromHeap(out).set(backend.typedArrayFromHeap(x).subarray(offset, offset + tf.util.sizeFromShape(size)));
  return out;
}

/**
 * tfjs's MatMulPackedProgram, for every product. By default tfjs selects MatMulSplitKProgram for products with few rows and a depth of
 * 2,000 or more, such as gradients of LoRA. It is wrong when the second factor is transposed (tfjs 4.22), and it sums with atomics, in no
 * fixed order.
 */
export const MATMUL_PROGRAM = 3;

/** Makes tfjs's WebGPU backend the current one, on our device. Its code is loaded on demand, because few devices need it. */
export async function startTfjsWebGpu({ gpu, info }: Device): Promise<WebGPUBackend> {
  const { WebGPUBackend: Backend } = await import('@tensorflow/tfjs-backend-webgpu');
  class AsynchronousBackend extends Backend {
    /** tfjs would read a GPU tensor through a canvas, which is slow and does not work on every system. */
    override readSync(dataId: object): BackendValues {
      const { values } = this.tensorMap.get(dataId) as { readonly values?: BackendValues | null };
      if (values === null || values === undefined)
        throw internal('a twin reads a tensor on the GPU synchronously: only inputs are on the host');
      return values;
    }
  }
  // `findBackend` would start the package's own backend.
  const known: unknown = tf.engine().registry['webgpu'];
  const isOurs = known instanceof Backend && known.device === gpu;
  const backend = isOurs ? known : new AsynchronousBackend(gpu, info);
  // The registered backend belongs to a lost device, or it is the package's own, which would open another device.
  if (!isOurs && 'webgpu' in tf.engine().registryFactory) tf.removeBackend('webgpu');
  if (!isOurs) tf.registerBackend('webgpu', () => backend);
  tf.env().set('WEBGPU_MATMUL_PROGRAM_TYPE', MATMUL_PROGRAM);
  if (await tf.setBackend('webgpu')) return backend;
  throw new CodedError('gpu/unavailable', "TensorFlow.js's WebGPU backend did not start on this device. Use ?backend=wasm.");
}
