/** The engine's logits of a model with an exported adapter, to be compared with those of PEFT. */

import { embedding } from '../../kernels/embedding';
import type { Value } from '../../kernels/op';
import { VIRTUAL_ID } from '../../src/batch/collate';
import type { Batch } from '../../src/batch/types';
import { CONFIG_FILE, WEIGHTS_FILE } from '../../src/export/peft';
import { readPeft } from '../../src/export/read-peft';
import { plan } from '../../src/graph/plan';
import { declareTuning } from '../../src/method';
import type { Tuning } from '../../src/method/method';
import { vectorOf } from '../../src/method/parameters';
import { familyOf } from '../../src/model/families';
import type { Pass } from '../../src/model/family';
import { fetchFiles, openFolder, type ModelFolder } from '../../src/model/folder';
import { declareBatch, hiddenStates, logitsOf, packedPass } from '../../src/model/pass';
import { rotaryData } from '../../src/model/rotary';
import type { Pooling } from '../../src/task/classifier';
import { BatchWriter } from '../../src/train/batch-writer';
import { openEngine } from '../../src/train/engine';
import { LoadedModel } from '../../src/train/loaded';

const MODEL_FILES = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];

/** The files of a folder that the page serves. */
export async function openServed(base: string): Promise<ModelFolder> {
  return openFolder(await fetchFiles(at(base), MODEL_FILES));
}

const at = (path: string) => new URL(`${path}/`, location.href);

/** Logits after the last of `ids`, of the model at `base` with the PEFT adapter at `adapterBase`. */
export async function adaptedLogits(
  base: string,
  adapterBase: string,
  ids: readonly number[],
  executor: 'webgpu' | 'wasm',
): Promise<number[]> {
  const [config, weights] = await fetchFiles(at(adapterBase), [CONFIG_FILE, WEIGHTS_FILE]);
  if (!config || !weights) throw new Error('no adapter');
  const peft = await readPeft(await config.text(), weights);
  if (peft.taskType !== 'CAUSAL_LM') throw new Error(`an adapter for ${peft.taskType}: use page-classifier.ts`);
  const model = await LoadedModel.load(await openEngine(executor), await openServed(base), 'stored');
  const tuning = declareTuning(model.graph, 'peft', model.config, peft.method);
  model.executor.write(tuning.parameters.flat, vectorOf(tuning.parameters, peft.tensors));
  return outputOf(model, tuning, ids, (pass, hidden, rows) =>
    logitsOf(pass.program, model.graph, model.config, tuning, embedding(pass.program, { table: hidden, ids: rows.last })),
  );
}

/** Rows of hidden states, i32 [1], and the pooling of a classifier. */
interface Rows {
  readonly first: Value;
  readonly last: Value;
  readonly pooling: Pooling;
}

/** One document after its virtual tokens. */
function batchOf(ids: readonly number[], virtual: number): Batch {
  const all = Int32Array.from([...Array.from({ length: virtual }, () => VIRTUAL_ID), ...ids]);
  return {
    ...{ ids: all, positions: all.map((_, i) => i), segments: new Int32Array(all.length), labels: new Int32Array(all.length) },
    ...{ weights: new Float32Array(all.length), tokens: all.length, trained: 0, inputs: { types: new Int32Array(all.length) } },
  };
}

/** What `head` makes of the hidden states [M, C] of `ids`. */
export async function outputOf(
  { graph, executor, config }: Pick<LoadedModel, 'graph' | 'executor' | 'config'>,
  tuning: Tuning,
  ids: readonly number[],
  head: (pass: Pass, hidden: Value, rows: Rows) => Value,
): Promise<number[]> {
  const tokens = ids.length + tuning.virtualTokens;
  const shape = { rows: 1, tokens, virtual: tuning.virtualTokens };
  const batch = declareBatch(graph, 'prompt', shape, [{ name: 'types', dtype: 'i32', shape: [tokens] }]);
  const [first, last] = [graph.declare('first', 'input', [1], 'i32'), graph.declare('last', 'input', [1], 'i32')];
  const documents = graph.declare('documents', 'input', [tokens], 'i32');
  const constants = new Map<Value, Float32Array<ArrayBuffer>>();
  const pooling: Pooling = {
    documents: 1,
    input: (name) => {
      if (name === 'documents') return documents;
      return familyOf(config).classifier(config).pool === 'last' ? last : first;
    },
    constant(name, data, dimensions) {
      const value = graph.declare(name, 'input', dimensions);
      constants.set(value, data);
      return value;
    },
  };
  const program = graph.program('logits');
  const pass = packedPass(program, graph, config, batch, shape, tuning);
  const compiled = await executor.compile(
    plan(program, [head(pass, hiddenStates(pass, config, batch), { first, last, pooling })]),
  );
  for (const [value, data] of rotaryData(graph, config, tokens)) executor.write(value, data);
  new BatchWriter(executor, batch, config.firstPosition).write(batchOf(ids, tuning.virtualTokens), 1);
  for (const [value, data] of constants) executor.write(value, data);
  executor.write(documents, new Int32Array(tokens));
  executor.write(last, Int32Array.of(tokens - 1));
  const [outputs] = await executor.run(compiled);
  return Array.from(outputs ?? []);
}
