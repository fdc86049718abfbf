/** The engine's logits in Node, without a browser: the same graph as on the page, run by tfjs on the processor. */

import * as tf from '@tensorflow/tfjs';
import { embedding } from '../../kernels/embedding';
import { transpose } from '../../src/core/transpose';
import type { Tuned } from '../../src/export/types';
import { Graph } from '../../src/graph/graph';
import { TfjsExecutor } from '../../src/graph/run-tfjs';
import { declareTuning } from '../../src/method';
import { vectorOf } from '../../src/method/parameters';
import { logitsOf } from '../../src/model/pass';
import { declareWeights, weightSpecs } from '../../src/model/weights';
import { readWeight } from '../../src/model/weights-source';
import { outputOf } from '../../tests/parity/logits';

/** Logits [V] after the last of `ids`, of a run's base with what was tuned. */
export async function engineLogits({ base, recipe, tensors }: Tuned, ids: readonly number[]): Promise<readonly number[]> {
  if (base === null) throw new Error('a run without its base');
  await tf.setBackend('cpu');
  const { config } = base;
  const graph = new Graph();
  declareWeights(graph, config, () => 'f32');
  const tuning = declareTuning(graph, 'run', config, recipe.method);
  const executor = new TfjsExecutor(graph, 'cpu');
  for (const { name, shape, transposed } of weightSpecs(config)) {
    const tensor = base.tensors.get(name);
    if (tensor === undefined) throw new Error(`no ${name}`);
    const data = await readWeight(tensor);
    executor.write(graph.named(name), transposed === true ? turned(data, shape) : data);
  }
  executor.write(tuning.parameters.flat, vectorOf(tuning.parameters, tensors));
  return outputOf({ graph, executor, config }, tuning, ids, (pass, hidden, { last }) =>
    logitsOf(pass.program, graph, config, tuning, embedding(pass.program, { table: hidden, ids: last })),
  );
}

function turned(data: Float32Array<ArrayBuffer>, [rows = 0, columns = 0]: readonly number[]): Float32Array<ArrayBuffer> {
  const result = new Float32Array(data.length);
  transpose(data, result, rows, columns);
  return result;
}
