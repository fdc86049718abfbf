/** Starts tfjs's WebAssembly backend from files served with the page; nothing is fetched from elsewhere. */

import * as tf from '@tensorflow/tfjs-core';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import plain from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url';
import simd from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import threaded from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url';
import { CodedError } from '../core/errors';

/** Makes `wasm` the current backend, with SIMD where there is any. */
export async function startWasm(): Promise<void> {
  if (tf.getBackend() === 'wasm') return;
  // On a cross-origin isolated host tfjs would start threads, from scripts in blobs, which the page's policy forbids. They would
  // not pay: only the products use them, and the binary with threads is slower at all else (tests/bench/RESULTS.md).
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
