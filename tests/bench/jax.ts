/** The peer jax-js, jitted, on its own device of the same adapter. */

import { blockUntilReady, defaultDevice, getWebGPUDevice, init, jit, numpy as np } from '@jax-js/jax';
import { SCALE, type OpenProduct, type ProductData, type ProductPeer } from './products';
import type { Product } from './shapes';

/** Resolves to null where jax-js finds no WebGPU (it has none in Node). */
export async function startJax(): Promise<ProductPeer | null> {
  const devices = await init('webgpu');
  if (!devices.includes('webgpu')) return null;
  defaultDevice('webgpu');
  const running = new Running();
  return { name: 'jax-js', sync: () => running.end(), open: (product, data) => openProduct(product, data, running) };
}

/** jax-js is lazy: every result is requested at once, and awaited at the end. */
class Running {
  #work: Promise<unknown> = Promise.resolve();

  add(results: readonly np.Array[]): void {
    const done = results.map((result) => blockUntilReady(result).then((ready) => ready.dispose()));
    this.#work = Promise.all([this.#work, ...done]);
  }

  async end(): Promise<void> {
    await this.#work;
    await getWebGPUDevice().queue.onSubmittedWorkDone();
  }
}

/** Arrays are reference-counted: every use except the last takes `.ref`. */
function openProduct(product: Product, data: ProductData, running: Running): OpenProduct {
  const factors = Object.values(data).map(({ shape, data }) => np.array(data).reshape([...shape]));
  const multiply = jit((a: np.Array, w: np.Array, p?: np.Array, q?: np.Array) => {
    const plain = times(product, a, w);
    return p === undefined || q === undefined ? plain : plain.add(times(product, p, q).mul(SCALE));
  });
  const work = () => multiply(...(factors.map((factor) => factor.ref) as [np.Array, np.Array]));
  return {
    subject: {
      prepare: async (times) => {
        await blockUntilReady(factors);
        return () => running.add(Array.from({ length: times }, work));
      },
    },
    result: () => work().data() as Promise<Float32Array>,
    dispose: () => factors.forEach((factor) => factor.dispose()),
  };
}

function times({ layout }: Product, left: np.Array, right: np.Array): np.Array {
  if (layout === 'nn') return np.matmul(left, right);
  return layout === 'nt' ? np.matmul(left, np.transpose(right)) : np.matmul(np.transpose(left), right);
}
