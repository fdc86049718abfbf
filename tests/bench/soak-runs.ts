/** Trains many short runs in a row, and counts what exists after them: a run must leave nothing behind. */

import * as tf from '@tensorflow/tfjs-core';
import { countBuffers, openTiny, trainVaried } from '../tiny-service';
import type { Soak, SoakBackend } from './soak';

export async function openRunsSoak(backend: SoakBackend): Promise<Soak> {
  const buffers = countBuffers();
  const tiny = await openTiny(backend);
  const held = () =>
    backend === 'wasm'
      ? { objects: tf.memory().numTensors, bytes: tf.memory().numBytes }
      : { objects: buffers.size, bytes: [...buffers].reduce((sum, { size }) => sum + size, 0) };
  let done = 0;
  return {
    async advance(runs) {
      for (let i = 0; i < runs; i++) await trainVaried(tiny, done++);
      return { done, ...held() };
    },
  };
}
