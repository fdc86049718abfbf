/** Writes the weights of a golden model, which are f32, to the device. */

import type { Shape } from '../../src/core/shape';
import { transpose } from '../../src/core/transpose';
import type { Executor } from '../../src/graph/executor';
import type { Graph } from '../../src/graph/graph';
import type { ModelConfig } from '../../src/model/config';
import { weightSpecs } from '../../src/model/weights';
import type { GoldenModel } from './golden';

/** `graph` declares the weights. */
export function writeGolden(executor: Executor, graph: Graph, config: ModelConfig, { weights }: GoldenModel): void {
  for (const { name, shape, transposed } of weightSpecs(config)) {
    const data = weights.get(name)?.data;
    if (data === undefined) throw new Error(`the case has no ${name}`);
    executor.write(graph.named(name), transposed === true ? transposeOf(data, shape) : data);
  }
}

function transposeOf(data: Float32Array<ArrayBuffer>, [rows = 0, columns = 0]: Shape): Float32Array<ArrayBuffer> {
  const turned = new Float32Array(data.length);
  transpose(data, turned, rows, columns);
  return turned;
}
