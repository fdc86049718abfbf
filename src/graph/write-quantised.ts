/** Writes quantised values: uploads the numbers, quantises them on the device and frees the upload. */

import { quantise } from '../../kernels/quantise';
import type { Value } from '../../kernels/op';
import type { Executor } from './executor';
import type { Graph } from './graph';
import { plan } from './plan';

/** Writes `data` (f32, or f16 bits) of the shape of `target`. Resolves when the device has finished. */
export async function writeQuantised(
  executor: Executor,
  graph: Graph,
  target: Value,
  data: Float32Array<ArrayBuffer> | Uint16Array<ArrayBuffer>,
): Promise<void> {
  const program = graph.program(`${target.name} quantised`);
  const dtype = data instanceof Uint16Array ? 'f16' : 'f32';
  const source = graph.create(`${target.name} in full`, 'input', target.shape, dtype);
  quantise(program, target, source);
  executor.write(source, data);
  const compiled = await executor.compile(plan(program, []));
  try {
    await executor.run(compiled);
  } finally {
    compiled.dispose();
    executor.release(source);
  }
}
