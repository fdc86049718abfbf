/** Adapters that start as a part of the weights: their start and their files, compared with PEFT's. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { exportedFiles, type ExportKind } from '../../src/export';
import { MergedWeights } from '../../src/export/merged-weights';
import { readPeft, type PeftAdapter } from '../../src/export/read-peft';
import type { Tuned, TunedTensor } from '../../src/export/types';
import { methodProblems, parametersOf } from '../../src/method';
import { startedBy } from '../../src/method/lora-start';
import { trainedLength } from '../../src/method/parameters';
import { openFolder } from '../../src/model/folder';
import { readWeight } from '../../src/model/weights-source';
import type { LoraSettings } from '../../src/recipe/methods';
import { defaultRecipe } from '../../src/recipe/recipe';
import { factoredTensors } from '../../src/train/factored-start';
import { storedParameters } from '../../src/train/records';
import { deviation } from '../deviation';
import { loraOf, loraWith } from '../lora';

const golden = (path: string) => readFileSync(new URL(`../golden/${path}`, import.meta.url));
const adapter = (folder: string) =>
  readPeft(golden(`${folder}/adapter_config.json`).toString(), new Blob([golden(`${folder}/adapter_model.safetensors`)]));

const tokenizer = ['tokenizer.json', 'tokenizer_config.json'].map((name) => {
  return new File([readFileSync(new URL(`fixtures/tokenizers/llama2-like/${name}`, import.meta.url))], name);
});
const open = (name: string) =>
  openFolder([...['config.json', 'model.safetensors'].map((file) => new File([golden(`${name}/${file}`)], file)), ...tokenizer]);

/** The start of a case's adapter, computed from its model. */
async function startOf(name: string, changes: Partial<LoraSettings> = {}, seed = 42) {
  const [folder, init] = [await open(name), await adapter(`${name}/init`)];
  const method = { ...loraOf({ ...defaultRecipe(), method: init.method }), ...changes };
  const parameters = parametersOf(folder.config, method);
  const read = (weight: string) => {
    const tensor = folder.tensors.get(weight);
    if (tensor === undefined) throw new Error(`no ${weight}`);
    return readWeight(tensor);
  };
  const tensors = await factoredTensors(folder.config, { method, seed }, parameters, read, { onProgress: () => undefined });
  return { folder, init, method, byName: new Map(tensors.map((tensor) => [tensor.name, tensor])) };
}

/** B·A of each adapted layer: its sign does not depend on those of the singular vectors. */
function productsOf(
  tensors: Iterable<{ readonly name: string; readonly shape: readonly number[]; readonly data: Float32Array }>,
) {
  const byName = new Map([...tensors].map((tensor) => [tensor.name, tensor]));
  return new Map(
    [...byName.values()].flatMap((b) => {
      const [, module] = /^(.+)\.lora_B\.weight$/.exec(b.name) ?? [];
      const a = byName.get(`${module ?? ''}.lora_A.weight`);
      if (module === undefined || a === undefined) return [];
      const [[outputs = 0, rank = 0], [, inputs = 0]] = [b.shape, a.shape];
      const product = Array.from({ length: outputs * inputs }, (_, at) => {
        const [i, j] = [Math.floor(at / inputs), at % inputs];
        return Array.from({ length: rank }, (_one, k) => (b.data[i * rank + k] ?? NaN) * (a.data[k * inputs + j] ?? NaN)).reduce(
          (sum, x) => sum + x,
          0,
        );
      });
      return [[module, product] as const];
    }),
  );
}

describe('the start of an adapter', () => {
  it.each(['llama_pissa', 'llama_pissa_dora', 'llama_olora'])(
    'of %s is the part of each weight that PEFT finds',
    async (name) => {
      const { init, byName } = await startOf(name);
      const [ours, theirs] = [productsOf(byName.values()), productsOf(init.tensors)];
      expect([...ours.keys()].sort()).toEqual([...theirs.keys()].sort());
      // PEFT decomposes in f32: numpy in f64 is up to 8.3e-6 off PEFT here.
      for (const [module, product] of ours) expect(deviation(product, theirs.get(module) ?? [])).toBeLessThan(2e-5);
    },
  );

  it('of OLoRA has LAPACK’s signs', async () => {
    const { init, byName } = await startOf('llama_olora');
    for (const { name, data } of init.tensors) expect(deviation(byName.get(name)?.data ?? [], data)).toBeLessThan(2e-6);
  });

  it('is kept beside it, and not trained', async () => {
    const { folder, method, byName } = await startOf('llama_pissa');
    const parameters = parametersOf(folder.config, method);
    const kept = parameters.filter(({ fixed }) => fixed === true);
    expect(kept.map(({ name }) => byName.get(startedBy(name) ?? '')?.data)).toEqual(
      kept.map(({ name }) => byName.get(name)?.data),
    );
    expect(parameters.slice(-kept.length)).toEqual(kept);
    expect(2 * kept.length).toBe(parameters.length);
    expect(trainedLength(parameters)).toBe(trainedLength(parametersOf(folder.config, { ...method, initWeights: 'random' })));
  });

  it('may be found by random vectors, which the seed gives', async () => {
    const of = async (rounds: number, seed: number) =>
      productsOf((await startOf('llama_pissa', { pissaIterations: rounds }, seed)).byName.values());
    const caught = async (rounds: number) => [...(await of(rounds, 1)).values()].flat().reduce((sum, x) => sum + x * x, 0);
    const exact = await caught(0);
    expect(await caught(1)).toBeLessThan(await caught(10));
    expect((await caught(100)) / exact).toBeGreaterThan(0.999);
    expect((await caught(100)) / exact).toBeLessThan(1 + 1e-6);
    expect(await of(2, 1)).toEqual(await of(2, 1));
    expect(await of(2, 1)).not.toEqual(await of(2, 2));
  });

  it('has at most the rank of the weights, and half of what files may have', async () => {
    const { config } = await open('llama_pissa');
    const problem = (changes: Partial<LoraSettings>) =>
      methodProblems(config, loraWith({ initWeights: 'pissa', ...changes })).map(({ message }) => message);
    expect(problem({ rank: 16 })).toEqual([]);
    expect(problem({ rank: 17 })).toEqual([
      'model.layers.0.self_attn.k_proj has 16×32 weights, so a part of it has at most rank 16; choose 16 or less, not 17',
    ]);
    expect(problem({ initWeights: 'random', rank: 200 })).toEqual([]);
  });
});

/** The run of a case at its end. */
async function runOf(name: string, changes: Partial<LoraSettings> = {}): Promise<Tuned> {
  const [init, final, base] = [await adapter(`${name}/init`), await adapter(`${name}/final`), await open(name)];
  const method = { ...loraOf({ ...defaultRecipe(), method: init.method }), ...changes };
  const recipe = { ...defaultRecipe(), method };
  const find = (of: PeftAdapter, wanted: string) => of.tensors.find((tensor) => tensor.name === wanted)?.data;
  const tensors = storedParameters(base.config, recipe).map((parameter): TunedTensor => {
    const started = startedBy(parameter.name);
    const data = started === null ? find(final, parameter.name) : find(init, started);
    if (data === undefined) throw new Error(`no ${parameter.name}`);
    return { ...parameter, data };
  });
  return {
    ...{ name: 'run', modelName: 'base', datasetName: 'none', examples: 1, step: 5, trainable: 1536, device: 'none' },
    ...{ baseLoss: null, tunedLoss: null, recipe, base, tensors },
  };
}

async function written(kind: ExportKind, run: Tuned, name: string): Promise<Blob> {
  const found = (await exportedFiles(kind, run)).find((file) => file.name === name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found.blob;
}

describe('the files of an adapter that started as a part of the weights', () => {
  it('have the bytes of PEFT’s conversion to LoRA for the base as it is', async () => {
    const run = await runOf('llama_pissa');
    const bytes = await (await written('peft', run, 'adapter_model.safetensors')).arrayBuffer();
    expect(Buffer.compare(Buffer.from(bytes), golden('llama_pissa/final_lora/adapter_model.safetensors'))).toBe(0);
    const ours = JSON.parse(await (await written('peft', run, 'adapter_config.json')).text()) as Record<string, unknown>;
    const theirs = JSON.parse(golden('llama_pissa/final_lora/adapter_config.json').toString()) as Record<string, unknown>;
    const same = { ...Object.fromEntries(Object.keys(ours).map((key) => [key, theirs[key]])), base_model_name_or_path: './base' };
    expect(ours).toEqual(same);
    expect(ours).toMatchObject({ r: 8, lora_alpha: 16, init_lora_weights: true });
  });

  it('keep the scale of each layer, also with rsLoRA and patterns', async () => {
    const config = async (run: Tuned) =>
      JSON.parse(await (await written('peft', run, 'adapter_config.json')).text()) as Record<string, unknown>;
    const plain = await config(await runOf('llama_olora'));
    expect(plain).toMatchObject({ r: 8, lora_alpha: 8, rank_pattern: { v_proj: 4 }, alpha_pattern: { v_proj: 6 } });
    const stable = await config(await runOf('llama_olora', { useRslora: true }));
    expect(stable).toMatchObject({ r: 8, use_rslora: true, rank_pattern: { v_proj: 4 } });
    expect(stable['lora_alpha']).toBeCloseTo(4 * Math.SQRT2, 12);
    expect(stable['alpha_pattern']).toEqual({ v_proj: 3 * Math.SQRT2 });
  });

  it('are, merged, the base with what was learnt', async () => {
    const run = await runOf('llama_pissa');
    const module = 'model.layers.1.mlp.down_proj';
    const merged = await new MergedWeights(run).of(`${module}.weight`).rows(0, 32);
    const scale = 2;
    const [before, after] = [await adapter('llama_pissa/init'), await adapter('llama_pissa/final')];
    const [start, end] = [productsOf(before.tensors).get(module) ?? [], productsOf(after.tensors).get(module) ?? []];
    const tensor = run.base?.tensors.get(`${module}.weight`);
    if (tensor === undefined) throw new Error('no weight');
    const expected = [...(await readWeight(tensor))].map((w, i) => w + scale * ((end[i] ?? NaN) - (start[i] ?? NaN)));
    expect(deviation(merged, expected)).toBeLessThan(1e-6);
    expect(deviation(merged, await readWeight(tensor))).toBeGreaterThan(1e-3);
  });

  it('are read where the base can be split again, else refused with what to do', async () => {
    const config = (start: unknown) =>
      JSON.stringify({
        ...(JSON.parse(golden('llama_pissa/init/adapter_config.json').toString()) as object),
        init_lora_weights: start,
      });
    const read = (start: unknown) => readPeft(config(start), new Blob([golden('llama_pissa/final/adapter_model.safetensors')]));
    expect((await read('pissa')).method).toMatchObject({ initWeights: 'pissa', pissaIterations: 0 });
    expect((await read('gaussian')).method).toMatchObject({ initWeights: 'random' });
    for (const start of ['pissa_niter_4', 'corda', 'loftq'])
      await expect(read(start)).rejects.toThrow(/init_lora_weights.*path_initial_model_for_weight_conversion/);
  });
});
