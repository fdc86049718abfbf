/** Writes the weights of a model to the device, tensor by tensor, where they are quantised if they were declared so. */

import { isQuantised } from '../core/quantised';
import { sizeOf } from '../core/shape';
import { holdsStored, type Executor } from '../graph/executor';
import type { Graph } from '../graph/graph';
import { writeQuantised } from '../graph/write-quantised';
import type { ModelWeights } from '../model/folder';
import { decodeToF32, streamWeights, type Storage, type StoredTensor, type StreamOptions } from '../model/weights-source';

/** `graph` declares the weights, on our kernels in the types that `deviceTypes` gives for `storage`. Throws the reason of an aborted signal. */
export async function writeWeights(
  executor: Executor,
  graph: Graph,
  weights: ModelWeights,
  storage: Storage,
  options: StreamOptions = {},
): Promise<void> {
  for await (const tensor of streamWeights(weights, storage, options)) {
    const value = graph.named(tensor.name);
    const data = holdsStored(executor.kind) ? hostData(tensor) : decodeToF32(tensor);
    if (isQuantised(value.dtype)) await writeQuantised(executor, graph, value, data);
    else executor.write(value, data);
  }
}

function hostData(tensor: StoredTensor): Float32Array<ArrayBuffer> | Uint16Array<ArrayBuffer> {
  return tensor.dtype === 'f32' ? tensor.data : new Uint16Array(tensor.data.buffer, 0, sizeOf(tensor.shape));
}
