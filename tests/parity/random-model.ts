/** The engine's logits of a model of scripts/interop/random_models.py. */

import { plan } from '../../src/graph/plan';
import { Graph } from '../../src/graph/graph';
import type { ModelConfig } from '../../src/model/config';
import { familyOf, parseConfig } from '../../src/model/families';
import { declareBatch, hiddenStates, logitsOf, packedPass } from '../../src/model/pass';
import { rotaryData } from '../../src/model/rotary';
import { declareWeights, headName } from '../../src/model/weights';
import { classifierOutputs, classifierParameters } from '../../src/task/classifier';
import { openEngine } from '../../src/train/engine';
import type { Value } from '../../kernels/op';
import { tensors, type Tensor } from './golden';
import { writeGolden } from './write';

/** Rows of tokens; padding is on the right and has the mask 0. */
export interface Rows {
  readonly ids: readonly (readonly number[])[];
  readonly mask: readonly (readonly number[])[];
}

/** Logits of each token that is not padding, or of each row if the model is a classifier, one after another. */
export async function randomModelLogits(base: string, { ids, mask }: Rows, kind: 'webgpu' | 'wasm'): Promise<number[]> {
  const address = new URL(base, location.href).href;
  const configText = await (await fetch(`${address}/config.json`)).text();
  const weights = await tensors(`${address}/model.safetensors`);
  const config = parseConfig(configText);
  const graph = new Graph();
  declareWeights(graph, config, () => 'f32');
  const executor = (await openEngine(kind)).executor(graph);
  const isClassifier = headName(config) === null;
  const head = isClassifier ? declareClassifier(graph, config, weights) : [];
  const [rows, tokens] = [ids.length, ids[0]?.length ?? 0];
  const shape = { rows, tokens };
  const batch = declareBatch(graph, 'rows', shape, [
    { name: 'types', dtype: 'i32', shape: [rows * tokens] },
    { name: 'documents', dtype: 'i32', shape: [rows * tokens] },
    { name: 'pooled', dtype: 'i32', shape: [rows] },
  ]);
  const constants = new Map<Value, Float32Array<ArrayBuffer>>();
  const program = graph.program('logits');
  const pass = packedPass(program, graph, config, batch, shape, null);
  const hidden = hiddenStates(pass, config, batch);
  const outputs = isClassifier
    ? classifierOutputs(pass, config, hidden, {
        documents: rows,
        input: (name) => graph.named(`rows.${name}`),
        constant(name, data, dimensions) {
          const value = graph.declare(name, 'input', dimensions);
          constants.set(value, data);
          return value;
        },
      })
    : logitsOf(program, graph, config, null, hidden);
  const compiled = await executor.compile(plan(program, [outputs]));
  writeGolden(executor, graph, config, { configText, weights });
  for (const [value, data] of [...head, ...constants, ...rotaryData(graph, config, tokens)]) executor.write(value, data);
  const real = mask.flat();
  executor.write(batch.ids, Int32Array.from(ids.flat()));
  executor.write(
    batch.positions,
    Int32Array.from(real, (_, i) => config.firstPosition + (i % tokens)),
  );
  executor.write(
    batch.segments,
    Int32Array.from(real, (one) => one - 1),
  );
  executor.write(graph.named('rows.types'), new Int32Array(rows * tokens));
  executor.write(
    graph.named('rows.documents'),
    Int32Array.from(real, (one, i) => (one === 1 ? Math.floor(i / tokens) : -1)),
  );
  const last = familyOf(config).classifier(config).pool === 'last';
  executor.write(
    graph.named('rows.pooled'),
    Int32Array.from(mask, (row, r) => r * tokens + (last ? row.lastIndexOf(1) : 0)),
  );
  const [found] = await executor.run(compiled);
  executor.dispose();
  const all = Array.from(found ?? []);
  return isClassifier ? all : all.filter((_, i) => real[Math.floor(i / config.vocabSize)] === 1);
}

/** Declares the classifier of the file; returns its data. */
function declareClassifier(
  graph: Graph,
  config: ModelConfig,
  weights: ReadonlyMap<string, Tensor>,
): [Value, Float32Array<ArrayBuffer>][] {
  const { last } = familyOf(config).classifier(config);
  const outputs = weights.get(`${last.module}.weight`)?.shape[0] ?? 0;
  return classifierParameters(config, outputs).map(({ name, shape }) => {
    const tensor = weights.get(name);
    if (tensor === undefined) throw new Error(`the model has no ${name}`);
    return [graph.declare(name, 'frozen', shape), tensor.data];
  });
}
