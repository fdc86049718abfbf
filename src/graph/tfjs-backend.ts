/** Starts the tfjs backends that twins run on. Their files are served with the page. */

import * as tf from '@tensorflow/tfjs-core';
import type { BackendValues } from '@tensorflow/tfjs-core';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import plain from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url';
import simd from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import threaded from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url';
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import { CodedError, internal } from '../core/errors';
import type { Device } from '../gpu/device';

/** Makes `wasm` the current backend, with SIMD where the browser has it. */
export async function startWasm(): Promise<void> {
  if (tf.getBackend() === 'wasm') return;
  // On a cross-origin isolated host tfjs would start threads from blobs, which the page's content security policy forbids. They would
  // not pay: only matrix products use them, and the binary with threads is slower at everything else (tests/bench/RESULTS.md).
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  setWasmPaths({
    'tfjs-backend-wasm.wasm': plain,
    'tfjs-backend-wasm-simd.wasm': simd,
    'tfjs-backend-wasm-threaded-simd.wasm': threaded,
  });
  if (await tf.setBackend('wasm')) return;
  throw new CodedError(
    'gpu/unavailable',
    'Neither WebGPU nor WebAssembly could be started. Update the browser, or try Chrome, Edge, Firefox or Safari of this year.',
  );
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
