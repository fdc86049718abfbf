/** Bottleneck adapters of each family against the `adapters` library: what they compute, and their files. */

import { readdirSync, readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { exportChoices, exportedFiles } from '../../src/export';
import { readAdapter } from '../../src/export/read-adapter';
import type { PeftAdapter } from '../../src/export/read-peft';
import type { Tuned } from '../../src/export/types';
import { sizeOf } from '../../src/core/shape';
import { uniform } from '../../src/core/random';
import { readHeader } from '../../src/formats/safetensors-read';
import { Graph } from '../../src/graph/graph';
import { plan } from '../../src/graph/plan';
import { TfjsExecutor } from '../../src/graph/run-tfjs';
import { declareTuning, methodProblems, parametersOf } from '../../src/method';
import { initialValues, vectorOf } from '../../src/method/parameters';
import { parseConfig } from '../../src/model/families';
import { openFolder, type ModelFolder } from '../../src/model/folder';
import { declareBatch, logitsOf, packedPass } from '../../src/model/pass';
import { declareWeights, weightSpecs } from '../../src/model/weights';
import { defaultMethod, type BottleneckSettings } from '../../src/recipe/methods';
import { parseRecipe } from '../../src/recipe/recipe';
import { classifierOutputs } from '../../src/task/classifier';
import { headParameters, LANGUAGE, type Job } from '../../src/train/job';
import { readWeight } from '../../src/export/merged-weights';
import { transpose } from '../../src/core/transpose';
import { embedding } from '../../kernels/embedding';
import { deviation } from '../deviation';
import { outputOf } from '../parity/logits';
import { randomFloats } from '../random';

const fixture = (path: string) => new URL(`fixtures/${path}`, import.meta.url);
const FAMILIES = readdirSync(fixture('bottleneck'));
const VARIANTS = ['houlsby', 'pfeiffer'] as const;
const CASES = FAMILIES.flatMap((family) => VARIANTS.map((variant) => ({ family, variant })));

const filesOf = (folder: string) =>
  readdirSync(fixture(folder), { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => new File([readFileSync(fixture(`${folder}/${name}`))], name));

/** Random models have no tokenizer of their own. */
const openBase = (family: string): Promise<ModelFolder> =>
  openFolder([
    ...filesOf(`bottleneck/${family}`),
    ...filesOf('tokenizers/llama2-like').filter(({ name }) => name.startsWith('tokenizer')),
  ]);

const textIn = (folder: string, name: string) => readFileSync(fixture(`${folder}/${name}`), 'utf8');

function bottleneckWith(changes: Partial<BottleneckSettings> = {}): BottleneckSettings {
  const method = defaultMethod('bottleneck');
  if (method.kind !== 'bottleneck') throw new Error('not bottleneck adapters');
  return { ...method, ...changes };
}

beforeAll(() => tf.setBackend('cpu'));

/** The engine's logits after the last of `ids`, or a classifier's outputs. */
async function logitsWith({ config, tensors }: ModelFolder, adapter: PeftAdapter, ids: readonly number[]): Promise<number[]> {
  const graph = new Graph();
  declareWeights(graph, config, () => 'f32');
  const classifies = adapter.taskType === 'SEQ_CLS';
  const job: Job = { ...LANGUAGE, outputs: classifies ? 3 : 0, objective: { kind: classifies ? 'regress' : 'sft' } };
  const tuning = declareTuning(graph, 'run', config, adapter.method, headParameters(config, job));
  const executor = new TfjsExecutor(graph, 'cpu');
  for (const { name, shape, transposed } of weightSpecs(config)) {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw new Error(`no ${name}`);
    const data = await readWeight(tensor);
    executor.write(graph.named(name), transposed === true ? turned(data, shape) : data);
  }
  executor.write(tuning.parameters.flat, vectorOf(tuning.parameters, adapter.tensors));
  return outputOf({ graph, executor, config }, tuning, ids, (pass, hidden, { last, pooling }) =>
    classifies
      ? classifierOutputs(pass, config, hidden, pooling)
      : logitsOf(pass.program, graph, config, tuning, embedding(pass.program, { table: hidden, ids: last })),
  );
}

function turned(data: Float32Array<ArrayBuffer>, [rows = 0, columns = 0]: readonly number[]): Float32Array<ArrayBuffer> {
  const result = new Float32Array(data.length);
  transpose(data, result, rows, columns);
  return result;
}

/** The run that an adapter is of. */
function runOf(base: ModelFolder, adapter: PeftAdapter, labels?: readonly string[]): Tuned {
  const isClassifier = adapter.taskType === 'SEQ_CLS';
  const recipe = parseRecipe({ version: 2, method: adapter.method, objective: { kind: isClassifier ? 'classify' : 'sft' } });
  const own = new Set(parametersOf(base.config, adapter.method).map(({ name }) => name));
  return {
    ...{ name: 'my run', modelName: 'acme/base', datasetName: 'data', examples: 2, step: 2, baseLoss: 2, tunedLoss: 1 },
    ...{ trainable: 1, device: 'none', recipe, base, ...(labels && { labels }) },
    tensors: adapter.tensors.map((tensor) => ({ ...tensor, ...(own.has(tensor.name) ? {} : { isNew: true as const }) })),
  };
}

async function tensorsIn(file: Blob): Promise<ReadonlyMap<string, Float32Array>> {
  const { tensors } = await readHeader(file, 'a file');
  const read = async (from: number, to: number) => new Float32Array(await file.slice(from, to).arrayBuffer());
  return new Map(await Promise.all(tensors.map(async ({ name, start, end }) => [name, await read(start, end)] as const)));
}

describe.each(CASES)('$variant on $family', ({ family, variant }) => {
  const folder = `bottleneck/${family}/${variant}`;

  it('computes what the library does', async () => {
    const base = await openBase(family);
    const { adapter } = await readAdapter(filesOf(folder), base);
    expect(adapter.method).toEqual(bottleneckWith({ variant, reductionFactor: 4, adapterScale: 0.7 }));
    const { ids, logits } = JSON.parse(textIn(folder, 'expected.json')) as { ids: number[]; logits: number[] };
    expect(deviation(await logitsWith(base, adapter, ids), logits)).toBeLessThan(2e-5);
  });

  it('is saved with the library’s configuration and numbers', async () => {
    const base = await openBase(family);
    const { adapter, labels } = await readAdapter(filesOf(folder), base);
    const files = await exportedFiles('adapters', runOf(base, adapter, labels));
    const at = (name: string) => files.find((file) => file.name === name)?.blob ?? new Blob();
    const named = { model_name: 'acme/base', name: 'finetab' };
    const library = JSON.parse(textIn(folder, 'adapter_config.json')) as object;
    expect(JSON.parse(await at('adapter_config.json').text())).toEqual({ ...library, ...named });
    const saved = await tensorsIn(at('adapter.safetensors'));
    const original = await tensorsIn(new Blob([readFileSync(fixture(`${folder}/adapter.safetensors`))]));
    expect(new Map([...original].map(([name, data]) => [name.replace('.golden.', '.finetab.'), data]))).toEqual(saved);
    if (adapter.taskType !== 'SEQ_CLS') return;
    const head = JSON.parse(textIn(folder, 'head_config.json')) as object;
    expect(JSON.parse(await at('head_config.json').text())).toEqual({ ...head, model_name: 'acme/base' });
    const heads = await tensorsIn(new Blob([readFileSync(fixture(`${folder}/model_head.safetensors`))]));
    for (const [name, data] of await tensorsIn(at('model_head.safetensors'))) expect(heads.get(name)).toEqual(data);
  });
});

/** A Llama with sublayers of 8 columns. */
const config = parseConfig(
  JSON.stringify({
    ...{ model_type: 'llama', hidden_size: 8, intermediate_size: 12, num_hidden_layers: 2, num_attention_heads: 2 },
    ...{ vocab_size: 8, max_position_embeddings: 16 },
  }),
);

describe('the parameters', () => {
  const of = (changes: Partial<BottleneckSettings>) => parametersOf(config, bottleneckWith(changes));

  it.each([
    ['pfeiffer', 2, 4],
    ['houlsby', 2, 4],
    ['pfeiffer', 3, 2],
    ['houlsby', 8, 1],
  ] as const)('of %s with reduction %i have %i columns between the layers', (variant, reductionFactor, width) => {
    const all = of({ variant, reductionFactor });
    const adapters = config.layers * (variant === 'houlsby' ? 2 : 1);
    expect(all.reduce((sum, { shape }) => sum + sizeOf(shape), 0)).toBe(adapters * (2 * 8 * width + width + 8));
  });

  it('start near 0, as the library’s, so that the model hardly changes', () => {
    const tuning = declareTuning(new Graph(), 'run', config, bottleneckWith({ variant: 'houlsby' }));
    const values = initialValues(tuning.parameters, 1);
    const weights = tuning.parameters.all.filter(({ name }) => name.endsWith('.weight')).length;
    expect(weights).toBe(8);
    const numbers = [...values].filter((x) => x !== 0);
    const deviationOf = Math.sqrt(numbers.reduce((sum, x) => sum + x * x, 0) / numbers.length);
    expect(deviationOf).toBeGreaterThan(0.012);
    expect(deviationOf).toBeLessThan(0.028);
  });

  it('have lower rates in lower layers', () => {
    const rates = new Map(of({ variant: 'houlsby', layerDecay: 0.5 }).map(({ name, group }) => [name, group?.rate]));
    const at = (layer: number) => rates.get(`model.layers.${layer}.attention_adapters.adapters.finetab.adapter_up.bias`);
    expect([at(0), at(1)]).toEqual([0.5, 1]);
  });

  it('need a width of at least one', () => {
    expect(methodProblems(config, bottleneckWith({ reductionFactor: 8 }))).toEqual([]);
    expect(methodProblems(config, bottleneckWith({ reductionFactor: 9 }))).toEqual([
      { where: 'method.reductionFactor', message: 'the model is 8 wide; choose at most 8' },
    ]);
  });
});

describe('dropout', () => {
  it('applies to what an adapter adds, with the numbers of its own stream', async () => {
    const rate = 0.4;
    const settings = bottleneckWith({ reductionFactor: 2, adapterDropout: rate, adapterScale: 3 });
    const [TOKENS, C] = [4, 8];
    const graph = new Graph();
    declareWeights(graph, config, () => 'f32');
    const tuning = declareTuning(graph, 'run', config, settings);
    const shape = { rows: 1, tokens: TOKENS };
    const [d, seed] = [graph.declare('d', 'input', [TOKENS, C]), graph.declare('seed', 'input', [2], 'i32')];
    const program = graph.program('adapter');
    const batch = declareBatch(graph, 'batch', shape);
    const added = (own: typeof seed | null) =>
      packedPass(program, graph, config, batch, shape, tuning, own).after?.({ layer: 1, part: 'mlp', seen: (x) => x }, d) ?? d;
    const outputs = [added(null), added(seed)];
    const executor = new TfjsExecutor(graph, 'cpu');
    executor.write(tuning.parameters.flat, randomFloats(sizeOf(tuning.parameters.flat.shape), 1));
    const output = randomFloats(TOKENS * C, 2);
    executor.write(d, output);
    executor.write(seed, Int32Array.of(5, 7));
    const [plain = [], dropped = []] = await executor.run(await executor.compile(plan(program, outputs)));
    const stream = 1024 + 1;
    for (let i = 0; i < TOKENS * C; i++) {
      const kept = uniform(5, 7, stream, i) >= Math.fround(rate) ? 1 / (1 - rate) : 0;
      const expected = (output[i] ?? NaN) + ((plain[i] ?? NaN) - (output[i] ?? NaN)) * kept;
      expect(Math.abs((dropped[i] ?? NaN) - expected)).toBeLessThan(1e-4);
    }
    expect(deviation(dropped, plain)).toBeGreaterThan(0.1);
  });
});

describe('files of the library', () => {
  const folder = 'bottleneck/llama/pfeiffer';

  /** The files with another value of a setting. */
  function withSetting(key: string, value: unknown): readonly File[] {
    const config = JSON.parse(textIn(folder, 'adapter_config.json')) as { config: Record<string, unknown> };
    const text = JSON.stringify({ ...config, config: { ...config.config, [key]: value } });
    return filesOf(folder).map((file) => (file.name === 'adapter_config.json' ? new File([text], file.name) : file));
  }

  it.each([
    ['is_parallel', true],
    ['leave_out', [1]],
    ['original_ln_before', false],
    ['inv_adapter', 'nice'],
    ['scaling', 'learned'],
    ['reduction_factor', { '0': 4, default: 8 }],
    ['non_linearity', 'leakyrelu'],
    ['architecture', 'lora'],
    ['phm_layer', true],
  ])('with another %s are refused by its name', async (key, value) => {
    await expect(readAdapter(withSetting(key, value), await openBase('llama'))).rejects.toMatchObject({
      code: 'model/unsupported',
      problems: [{ where: expect.stringContaining(key) as string }],
    });
  });

  it('that lack weights say how the library writes them', async () => {
    const files = filesOf(folder).filter(({ name }) => name !== 'adapter.safetensors');
    const pickled = [...files, new File(['x'], 'pytorch_adapter.bin')];
    await expect(readAdapter(pickled, await openBase('llama'))).rejects.toThrow('save the adapter with use_safetensors=True');
    await expect(readAdapter(files, await openBase('llama'))).rejects.toMatchObject({ code: 'model/files' });
  });

  it('for another model name each tensor that does not fit', async () => {
    await expect(readAdapter(filesOf(folder), await openBase('gpt2'))).rejects.toMatchObject({ code: 'model/weights' });
  });

  it('with a head that was trained too are refused, because its numbers would be lost', async () => {
    const base = await openBase('llama');
    await expect(readAdapter(filesOf(folder), base)).resolves.toMatchObject({ adapter: { taskType: 'CAUSAL_LM' } });
    const head = new Uint8Array(readFileSync(fixture(`${folder}/model_head.safetensors`)));
    head.set([0, 0, 128, 63], head.length - 4);
    const changed = filesOf(folder).map((file) => (file.name.startsWith('model_head') ? new File([head], file.name) : file));
    await expect(readAdapter(changed, base)).rejects.toMatchObject({
      code: 'model/weights',
      problems: [{ where: 'lm_head.weight', message: 'was trained beside the adapter, which is not supported' }],
    });
  });
});

describe('a run', () => {
  it('is saved for the adapters library alone, and its other formats say why not', async () => {
    const base = await openBase('llama');
    const { adapter } = await readAdapter(filesOf('bottleneck/llama/houlsby'), base);
    const choices = new Map(exportChoices(runOf(base, adapter)).map(({ kind, blocker }) => [kind, blocker]));
    expect([...choices].flatMap(([kind, blocker]) => (blocker === null ? [kind] : []))).toEqual(['adapters', 'report']);
    expect(choices.get('peft')).toContain('PEFT has no bottleneck adapters');
    expect(choices.get('merged')).toContain('can’t be merged');
    expect(choices.get('gguf-q8_0')).toContain('can’t be merged');
    expect(choices.get('gguf-adapter')).toContain('llama.cpp has no bottleneck adapters');
    expect(choices.get('mlx')).toContain('can’t be merged');
    expect(choices.get('bundle')).toContain('PEFT, which has no bottleneck adapters');
  });

  it('of another method is not', () => {
    const recipe = parseRecipe({ version: 2 });
    const run = {
      ...{ name: '', modelName: '', datasetName: '', examples: 1, step: 1, baseLoss: null, tunedLoss: null },
      recipe,
    };
    const all = exportChoices({ ...run, trainable: 1, device: '', base: null });
    expect(all.find(({ kind }) => kind === 'adapters')?.blocker).toContain('for bottleneck adapters');
  });
});
