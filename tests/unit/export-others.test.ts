/** Adapters for mlx-lm, reports, bundles, and the base that comes with an adapter. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { exportChoices, exportedFiles, type ExportKind } from '../../src/export';
import { baseReference } from '../../src/export/base';
import type { CardFacts } from '../../src/export/card';
import { readPeft } from '../../src/export/read-peft';
import { csvLines, trainerState } from '../../src/export/report';
import type { ExportContext, ExportedFile, RunRows, Splits, Tuned } from '../../src/export/types';
import { readHeader } from '../../src/formats/safetensors-read';
import { openFolder } from '../../src/model/folder';
import type { ObjectiveKind } from '../../src/recipe/objectives';
import { parseRecipe } from '../../src/recipe/recipe';
import { loraWith } from '../lora';

const golden = (path: string) => readFileSync(new URL(`../golden/${path}`, import.meta.url));
const facts: Omit<CardFacts, 'recipe'> = {
  ...{ name: 'my "run"', modelName: 'base', datasetName: 'chats.jsonl', examples: 2, step: 2 },
  ...{ baseLoss: 2.5, tunedLoss: 1.25, trainable: 1234, device: 'SwiftShader' },
};

/** The run that a golden case's adapter is of. */
async function runOf(name: string, objective: ObjectiveKind = 'sft', modelName = 'base'): Promise<Tuned> {
  const tokenizer = ['tokenizer.json', 'tokenizer_config.json'].map(
    (file) => new File([readFileSync(new URL(`fixtures/tokenizers/llama2-like/${file}`, import.meta.url))], file),
  );
  const own = ['config.json', 'model.safetensors'].map((file) => new File([golden(`${name}/${file}`)], file));
  const base = await openFolder([...own, ...tokenizer]);
  const weights = new Blob([golden(`${name}/final/adapter_model.safetensors`)]);
  const { method, tensors } = await readPeft(golden(`${name}/final/adapter_config.json`).toString(), weights);
  return { ...facts, modelName, recipe: parseRecipe({ version: 2, method, objective: { kind: objective } }), base, tensors };
}

const textOf = async (files: readonly ExportedFile[], name: string) =>
  (await files.find((file) => file.name === name)?.blob.text()) ?? '';

async function numbersOf(blob: Blob) {
  const { tensors } = await readHeader(blob, 'a file');
  const read = async (from: number, to: number) => new Float32Array(await blob.slice(from, to).arrayBuffer());
  return new Map(await Promise.all(tensors.map(async ({ name, start, end }) => [name, await read(start, end)] as const)));
}

const rows: RunRows = {
  steps: [
    { step: 1, loss: 3, learningRate: 0.1, gradNorm: 2, epoch: 0.5, seconds: 1, tokensPerSecond: 10 },
    { step: 2, loss: 2, learningRate: 0.2, gradNorm: NaN, epoch: 1, seconds: 2, tokensPerSecond: 10 },
  ],
  evals: [
    { step: 0, loss: 4 },
    { step: 2, loss: 1.5, metrics: { accuracy: 0.75 } },
  ],
};

describe('an adapter for mlx-lm', () => {
  it('has the transposes of PEFT’s factors, and the scale of all layers', async () => {
    const run = await runOf('llama_gqa');
    const files = await exportedFiles('mlx', run);
    const config = JSON.parse(await textOf(files, 'adapter_config.json')) as {
      lora_parameters: { rank: number; scale: number; keys: string[] };
    };
    const { method } = run.recipe;
    if (method.kind !== 'lora') throw new Error('not LoRA');
    expect(config).toMatchObject({ fine_tune_type: 'lora', num_layers: -1 });
    expect(config.lora_parameters.scale).toBe(method.alpha / method.rank);
    expect(config.lora_parameters.keys).toContain('self_attn.q_proj');
    const weights = await numbersOf(files.find(({ name }) => name === 'adapters.safetensors')?.blob ?? new Blob());
    expect(weights.size).toBe(run.tensors.length);
    const a = run.tensors.find(({ name }) => name === 'model.layers.0.self_attn.q_proj.lora_A.weight');
    const [r = 0, inputs = 0] = a?.shape ?? [];
    const found = weights.get('model.layers.0.self_attn.q_proj.lora_a');
    for (const [row, column] of [
      [0, 0],
      [1, 3],
      [r - 1, inputs - 1],
    ] as const)
      expect(found?.[column * r + row]).toBe(a?.data[row * inputs + column]);
  });

  it('multiplies B where a layer has an alpha of its own', async () => {
    const run = await runOf('llama_gqa');
    const { method } = run.recipe;
    if (method.kind !== 'lora') throw new Error('not LoRA');
    const recipe = { ...run.recipe, method: { ...method, alphaPattern: { 'layers.0.self_attn.q_proj': 3 * method.alpha } } };
    const name = 'model.layers.0.self_attn.q_proj';
    const before = run.tensors.find((tensor) => tensor.name === `${name}.lora_B.weight`)?.data[0] ?? NaN;
    const files = await exportedFiles('mlx', { ...run, recipe });
    const weights = await numbersOf(files.find((file) => file.name === 'adapters.safetensors')?.blob ?? new Blob());
    expect(weights.get(`${name}.lora_b`)?.[0]).toBeCloseTo(3 * before, 6);
  });

  it.each([
    [{ method: { kind: 'ia3' } }, 'LoRA, DoRA and full fine-tuning only'],
    [{ method: { kind: 'prompt' } }, 'can’t be merged into them'],
    [{ method: loraWith({ bias: 'all' }) }, 'trained beside it'],
    [{ method: loraWith({ rankPattern: { q_proj: 2 } }) }, 'one rank for all layers'],
    [{ method: loraWith({}), objective: { kind: 'classify' } }, 'no classifiers'],
  ])('is not made of %o', (settings, reason) => {
    const run = { ...facts, base: null, recipe: parseRecipe({ version: 2, ...settings }) };
    expect(exportChoices(run).find(({ kind }) => kind === 'mlx')?.blocker).toContain(reason);
  });
});

describe('the base of an adapter', () => {
  it('comes with it when it is on no hub', async () => {
    const run = await runOf('llama_gqa');
    const files = await exportedFiles('peft', run);
    expect(JSON.parse(await textOf(files, 'adapter_config.json'))).toMatchObject({ base_model_name_or_path: './base' });
    const inBase = files.filter(({ name }) => name.startsWith('base/')).map(({ name, blob }) => new File([blob], name));
    expect((await openFolder(inBase)).tensors.size).toBe(run.base?.tensors.size);
    expect(await textOf(files, 'README.md')).toContain('base = "./base"');
  });

  it('is named by its id where it has one, and by its name where it is large or not open', async () => {
    const onHub = await runOf('llama_gqa', 'sft', 'acme/base');
    expect(baseReference(onHub)).toEqual({ path: 'acme/base', included: false });
    expect(baseReference({ ...onHub, modelName: 'base', base: null })).toEqual({ path: 'base', included: false });
  });
});

describe('a report', () => {
  it('has the rows as transformers’ Trainer logs them, without numbers that JSON does not have', () => {
    const recipe = parseRecipe({ version: 2 });
    expect(trainerState({ recipe, step: 2 }, rows)).toMatchObject({
      ...{ global_step: 2, epoch: 1, best_metric: 1.5, best_global_step: 2, max_steps: 2 },
      log_history: [
        { epoch: 0, eval_loss: 4, step: 0 },
        { epoch: 0.5, grad_norm: 2, learning_rate: 0.1, loss: 3, step: 1 },
        { epoch: 1, learning_rate: 0.2, loss: 2, step: 2 },
        { epoch: 1, eval_loss: 1.5, eval_accuracy: 0.75, step: 2 },
      ],
    });
  });

  it('has a row of CSV for each step', () => {
    expect([...csvLines(rows)]).toEqual([
      'step,epoch,loss,learning_rate,grad_norm,seconds,tokens_per_second,eval_loss,eval_accuracy',
      '0,,,,,,,4,',
      '1,0.5,3,0.1,2,1,10,,',
      '2,1,2,0.2,,2,10,1.5,0.75',
    ]);
  });
});

describe('a bundle', () => {
  const document = (ids: readonly number[], trained: readonly number[]) => ({
    ids: Int32Array.from(ids),
    trained: Uint8Array.from(trained),
  });
  const example = {
    line: 7,
    documents: [document([5, 6, 7, 8], [0, 0, 1, 1]), document([5, 6, 9], [0, 0, 1])],
    target: [1],
  };
  const splits: Splits = { train: [example, example], heldOut: [example] };
  const context: Partial<ExportContext> = { history: () => Promise.resolve(rows), splits: () => Promise.resolve(splits) };

  it.each([
    ['sft', 'SFTTrainer', { input_ids: [5, 6, 7, 8], labels: [-100, -100, 7, 8] }],
    ['dpo', 'DPOTrainer', { prompt_ids: [5, 6], chosen_ids: [7, 8], rejected_ids: [9] }],
    ['ipo', '"ipo"', { prompt_ids: [5, 6] }],
  ] as const)('of the objective %s has its trainer and its tokens', async (objective, trainer, row) => {
    const files = await exportedFiles('bundle', await runOf('llama_gqa', objective), context);
    const script = await textOf(files, 'train.py');
    for (const part of [trainer, 'LoraConfig(', 'PER_UPDATE = 1\n', 'torch.distributed.destroy_process_group()'])
      expect(script).toContain(part);
    const [line = ''] = (await textOf(files, 'data/train.jsonl')).split('\n');
    expect(JSON.parse(line)).toMatchObject({ line: 7, ...row });
    expect(await textOf(files, 'accelerate/fsdp2.yaml')).toContain('fsdp_version: 2');
    expect(files.map(({ name }) => name)).toContain('base/config.json');
  });

  it('measures the test rows at the end, and has none where the run has none', async () => {
    const run = await runOf('llama_gqa', 'sft');
    const bundleOf = (some: Splits) => exportedFiles('bundle', run, { ...context, splits: () => Promise.resolve(some) });
    const files = await bundleOf({ ...splits, test: [{ ...example, line: 9 }] });
    expect(JSON.parse(await textOf(files, 'data/test.jsonl'))).toMatchObject({ line: 9, input_ids: [5, 6, 7, 8] });
    const script = await textOf(files, 'train.py');
    expect(script.indexOf('load("test")')).toBeGreaterThan(script.indexOf('trainer.train()'));
    expect(script.match(/"test"/g)?.length).toBe(2);
    expect(await textOf(files, 'README.md')).toContain('data/test.jsonl');
    const without = await bundleOf(splits);
    expect(without.map(({ name }) => name)).not.toContain('data/test.jsonl');
    for (const name of ['train.py', 'README.md'])
      expect(await textOf(without, name)).not.toMatch(/import json|"test"|test\.jsonl/);
  });

  it.each(['simpo', 'orpo', 'kto'] as const)('is not made of the objective %s', (objective) => {
    const run = { ...facts, base: null, recipe: parseRecipe({ version: 2, objective: { kind: objective } }) };
    const blockerOf = (kind: ExportKind) => exportChoices(run).find((choice) => choice.kind === kind)?.blocker;
    expect(blockerOf('bundle')).toContain('can’t train by the objective');
    expect(blockerOf('report')).toBeNull();
  });
});
