/** Starts tfjs's WebAssembly backend from files served with the page; nothing is fetched from elsewhere. */

import * as tf from '@tensorflow/tfjs-core';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import plain from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url';
import simd from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import threaded from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url';
import { CodedError } from '../core/errors';

/** Makes `wasm` the current backend: SIMD and, where the page is cross-origin isolated, threads. */
export async function startWasm(): Promise<void> {
  if (tf.getBackend() === 'wasm') return;
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
