/** The engine's logits of a model with an exported adapter, to be compared with those of PEFT. */

import { declareTuning } from '../../src/method';
import { vectorOf } from '../../src/method/parameters';
import { CONFIG_FILE, WEIGHTS_FILE } from '../../src/export/peft';
import { readPeft } from '../../src/export/read-peft';
import { plan } from '../../src/graph/plan';
import { fetchFiles, openFolder } from '../../src/model/folder';
import { declareBatch, logitsOf, headOf, hiddenStates, packedPass } from '../../src/model/pass';
import { rotaryData } from '../../src/model/rotary';
import { parseRecipe } from '../../src/recipe/recipe';
import { openEngine } from '../../src/train/engine';
import { LoadedModel } from '../../src/train/loaded';

const MODEL_FILES = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];

/** Logits after the last of `ids`, of the model at `base` with the PEFT adapter at `adapterBase`. */
export async function adaptedLogits(
  base: string,
  adapterBase: string,
  ids: readonly number[],
  executor: 'webgpu' | 'wasm',
): Promise<number[]> {
  const at = (path: string) => new URL(`${path}/`, location.href);
  const folder = await openFolder(await fetchFiles(at(base), MODEL_FILES));
  const [config, weights] = await fetchFiles(at(adapterBase), [CONFIG_FILE, WEIGHTS_FILE]);
  if (!config || !weights) throw new Error('no adapter');
  const peft = await readPeft(await config.text(), weights);
  const { rank, alpha, useRslora, targetModules, rankPattern, alphaPattern, bias, modulesToSave } = peft;
  const patterns = { rankPattern, alphaPattern, bias, modulesToSave };
  const recipe = parseRecipe({ version: 2, method: { kind: 'lora', rank, alpha, useRslora, targetModules, ...patterns } });
  const model = await LoadedModel.load(await openEngine(executor), folder, 'stored', () => undefined);
  const { graph, executor: device } = model;
  const tuning = declareTuning(graph, 'peft', model.config, recipe.method);
  device.write(tuning.parameters.flat, vectorOf(tuning.parameters, peft.tensors));

  const shape = { rows: 1, tokens: ids.length };
  const batch = declareBatch(graph, 'prompt', shape);
  const last = graph.declare('last', 'input', [1], 'i32');
  const program = graph.program('logits');
  const hidden = hiddenStates(packedPass(program, graph, model.config, batch, shape, tuning), model.config, batch);
  const compiled = await device.compile(plan(program, [logitsOf(program, headOf(graph, model.config, tuning), hidden, last)]));
  for (const [value, data] of rotaryData(graph, model.config, ids.length)) device.write(value, data);
  device.write(batch.ids, Int32Array.from(ids));
  device.write(batch.positions, Int32Array.from(ids.keys()));
  device.write(last, Int32Array.of(ids.length - 1));
  const [logits] = await device.run(compiled);
  return Array.from(logits ?? []);
}
