/** Trains many short runs in a row, and counts what exists after them: a run must leave nothing behind. */

import { countBuffers, openTiny, trainVaried } from '../tiny-service';
import type { Soak, SoakBackend } from './soak';

export async function openRunsSoak(backend: SoakBackend): Promise<Soak> {
  const buffers = countBuffers();
  const tiny = await openTiny(backend);
  const { model } = tiny.service;
  if (model === null) throw new Error('no model is loaded');
  const held = () =>
    backend === 'wasm'
      ? { objects: model.graph.declared().length, bytes: model.executor.bytes() }
      : { objects: buffers.size, bytes: [...buffers].reduce((sum, { size }) => sum + size, 0) };
  let done = 0;
  return {
    async advance(runs) {
      for (let i = 0; i < runs; i++) await trainVaried(tiny, done++);
      return { done, ...held() };
    },
  };
}
