/** How a quantised value is written: the numbers are uploaded, quantised on the device, and their upload freed. */

import { quantise } from '../../kernels/quantise';
import type { Value } from '../../kernels/op';
import type { Executor } from './executor';
import type { Graph } from './graph';
import { plan } from './plan';

/** Writes `data` (f32, or f16 as raw halves) of `target`'s shape. Resolves when the device is done with it. */
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
