/** PEFT's format compared with adapters that PEFT saved, and the model card. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { NamedTensor } from '../../src/method/parameters';
import { CodedError } from '../../src/core/errors';
import { exportedFiles } from '../../src/export';
import type { TunedTensor } from '../../src/export/types';
import type { LoraSettings as Settings } from '../../src/recipe/methods';
import { modelCard, type CardFacts } from '../../src/export/card';
import { writePeft, type PeftSettings } from '../../src/export/peft';
import { readPeft } from '../../src/export/read-peft';
import { writeSafetensors } from '../../src/formats/safetensors-write';
import { defaultRecipe, parseRecipe } from '../../src/recipe/recipe';
import { loraWith } from '../lora';
import { needShared, readShared } from '../shared';

const golden = (path: string) => readFileSync(new URL(`../golden/${path}`, import.meta.url));
const load = (folder: string, layers: Parameters<typeof readPeft>[2] = null) =>
  readPeft(golden(`${folder}/adapter_config.json`).toString(), new Blob([golden(`${folder}/adapter_model.safetensors`)]), layers);

async function failure(reading: Promise<unknown>): Promise<CodedError> {
  const error = await reading.then(
    () => 'it was read',
    (thrown: unknown) => thrown,
  );
  if (error instanceof CodedError) return error;
  throw new Error(`expected a coded error, got ${String(error)}`);
}

const CASES = [
  ...['llama_gqa', 'llama_dora', 'llama_ia3', 'llama_rslora_untied', 'qwen2', 'qwen3', 'gpt2'],
  ...['llama_patterns', 'llama_modules_to_save', 'qwen2_lora_bias', 'llama_lora_plus', 'llama_layer_decay'],
  ...['llama_seqcls', 'bert_seqcls', 'roberta_seqcls', 'distilbert_seqcls', 'gpt2_seqcls'],
  ...['phi3', 'phi3_window', 'phi3_seqcls', 'gemma2', 'gemma2_window', 'gemma3', 'gemma3_window', 'gemma3_seqcls'],
  ...['modernbert_seqcls', 'modernbert_cls'],
].flatMap((name) => [`${name}/init`, `${name}/final`]);

const ramp = (module: string, kind: 'A' | 'B', shape: readonly [number, number]): NamedTensor => {
  return {
    name: `${module}.lora_${kind}.weight`,
    shape,
    data: Float32Array.from({ length: shape[0] * shape[1] }, (_, i) => i / 7),
  };
};
const PAIR = [ramp('model.layers.0.mlp.up_proj', 'B', [5, 2]), ramp('model.layers.0.mlp.up_proj', 'A', [2, 3])];
const SETTINGS: PeftSettings = {
  method: loraWith({ rank: 2, alpha: 4, dropout: 0.1, useRslora: true, targetModules: ['up_proj'] }),
  ...{ modulesToSave: [], fanInFanOut: false, taskType: 'CAUSAL_LM' },
};

const file = (files: readonly { name: string; bytes: Uint8Array<ArrayBuffer> }[], name: string) => {
  const found = files.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found.bytes;
};

describe('PEFT files', () => {
  it.each(CASES)('%s is written with the same bytes', async (folder) => {
    const adapter = await load(folder);
    const written = writePeft(adapter.tensors, adapter, 'base');
    expect(Buffer.compare(file(written, 'adapter_model.safetensors'), golden(`${folder}/adapter_model.safetensors`))).toBe(0);
    const theirs = JSON.parse(golden(`${folder}/adapter_config.json`).toString()) as Record<string, unknown>;
    const ours = JSON.parse(new TextDecoder().decode(file(written, 'adapter_config.json'))) as Record<string, unknown>;
    const targets = [...(theirs['target_modules'] as string[])].sort();
    expect(ours).toEqual({
      ...Object.fromEntries(Object.keys(ours).map((key) => [key, theirs[key]])),
      ...{ base_model_name_or_path: 'base', target_modules: targets },
    });
    expect(Object.keys(ours)).toEqual(Object.keys(ours).sort());
  });

  it('have zeros in B and numbers within ±1/√in in A for a new adapter', async () => {
    for (const { name, data, shape } of (await load('llama_gqa/init')).tensors) {
      const bound = name.endsWith('lora_A.weight') ? 1 / Math.sqrt(shape[1] ?? 1) : 0;
      expect(Math.max(...data.map(Math.abs))).toBeLessThanOrEqual(bound);
    }
  });

  it('are read as they were written', async () => {
    const files = writePeft(PAIR, SETTINGS, 'some/base');
    const config = new TextDecoder().decode(file(files, 'adapter_config.json'));
    const adapter = await readPeft(config, new Blob([file(files, 'adapter_model.safetensors')]));
    expect(adapter).toEqual({ ...SETTINGS, tensors: [...PAIR].reverse(), baseModel: 'some/base' });
    expect(config).toContain('"lora_alpha": 4,');
  });

  it('can have tensors that are parts of a larger buffer', async () => {
    const flat = Float32Array.from({ length: 20 }, (_, i) => i);
    const parts = [
      { name: 'model.layers.0.q_proj.lora_A.weight', shape: [2, 3], data: flat.subarray(1, 7) },
      { name: 'model.layers.0.q_proj.lora_B.weight', shape: [4, 2], data: flat.subarray(7, 15) },
    ] as const;
    const files = writePeft(parts, SETTINGS, 'b');
    const read = await readPeft(
      new TextDecoder().decode(file(files, 'adapter_config.json')),
      new Blob([file(files, 'adapter_model.safetensors')]),
    );
    expect(read.tensors.map(({ data }) => [...data])).toEqual(parts.map(({ data }) => [...data]));
  });

  it('are not written from factors that do not fit', () => {
    expect(() => writePeft(PAIR.slice(1), SETTINGS, 'b')).toThrow(
      'internal: model.layers.0.mlp.up_proj has lora_A but no lora_B',
    );
    expect(() => writePeft(PAIR, { ...SETTINGS, method: loraWith({ rank: 3 }) }, 'b')).toThrow('internal:');
    expect(() => writePeft([], SETTINGS, 'b')).toThrow('internal:');
  });
});

describe('weights of the base that were trained with an adapter', () => {
  const facts: CardFacts = {
    ...{ name: 'my run', modelName: 'acme/base', datasetName: 'chats.jsonl', examples: 200, step: 75 },
    ...{ baseLoss: 2.5, tunedLoss: 1.25, trainable: 1234, device: 'SwiftShader', recipe: defaultRecipe() },
  };
  /** The adapter's files of a run, read back. */
  async function exported(method: Partial<Settings>, tensors: readonly TunedTensor[]) {
    const recipe = { ...facts.recipe, method: loraWith({ rank: 2, ...method }) };
    const files = await exportedFiles('peft', { ...facts, recipe, base: null, tensors });
    const at = (name: string) => files.find((each) => each.name === name)?.blob ?? new Blob();
    return readPeft(await at('adapter_config.json').text(), at('adapter_model.safetensors'));
  }
  const matrix = (name: string): NamedTensor => ({ name, shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) });

  it('are [in, out] if the base’s files have them so', async () => {
    const saved = { ...matrix('model.layers.0.mlp.c_fc.weight'), transposed: true } as const;
    const { tensors } = await exported({ modulesToSave: ['c_fc'] }, [...PAIR, saved]);
    const written = tensors.find(({ name }) => name === saved.name);
    expect(written).toEqual({ name: saved.name, shape: [3, 2], data: Float32Array.of(1, 4, 2, 5, 3, 6) });
  });

  it('have a head of its own when the head is the trained embedding, which PEFT would leave as it was', async () => {
    const embedding = { ...matrix('model.embed_tokens.weight'), tiedHead: true } as const;
    const { tensors, modulesToSave } = await exported({ modulesToSave: ['embed_tokens'] }, [...PAIR, embedding]);
    expect(modulesToSave).toEqual(['model.embed_tokens', 'lm_head']);
    const found = tensors.filter(({ data }) => data.length === 6 && data[5] === 6).map(({ name }) => name);
    expect(found).toEqual(['lm_head.weight', 'model.embed_tokens.weight']);
  });

  it('are refused in a file whose configuration does not name them', async () => {
    const error = await failure(exported({}, [...PAIR, matrix('model.norm.weight')]));
    expect(error.message).toContain('is neither a tensor of the adapter nor a weight that the configuration names');
  });
});

describe('reading adapters', () => {
  it('names the key of an unsupported task', async () => {
    const error = await failure(readPeft(config({ task_type: 'TOKEN_CLS', target_modules: ['c_attn'] }), new Blob()));
    expect(error.code).toBe('model/unsupported');
    expect(error.problems.map((p) => p.where)).toEqual(['task_type']);
  });

  it('reads a classifier that someone published, without modules to save in its configuration', async (context) => {
    needShared(context, 'data/gpt2-lora-r8-seqcls/adapter_config.json');
    const read = (name: string) => readShared(`data/gpt2-lora-r8-seqcls/${name}`);
    const text = new TextDecoder().decode(read('adapter_config.json'));
    const adapter = await readPeft(text, new Blob([read('adapter_model.safetensors')]));
    expect(adapter).toMatchObject({ taskType: 'SEQ_CLS', fanInFanOut: true, modulesToSave: [] });
    expect(adapter.tensors.map(({ name }) => name)).toContain('score.weight');
  });

  const config = (changes: object = {}) => JSON.stringify({ peft_type: 'LORA', r: 2, lora_alpha: 4, ...changes });

  it.each([
    ['{', 'model/config'],
    ['[]', 'model/config'],
    [config({ r: 0 }), 'model/config'],
    [config({ lora_alpha: 'x' }), 'model/config'],
    [config({ peft_type: 'LOHA' }), 'model/unsupported'],
    [config({ peft_type: 'IA3', exclude_modules: ['k_proj'] }), 'model/unsupported'],
    [JSON.stringify({ r: 2, lora_alpha: 4 }), 'model/unsupported'],
    [config({ rank_pattern: { q_proj: 'x' } }), 'model/config'],
    [config({ alpha_pattern: { '(': 4 } }), 'model/config'],
    [config({ modules_to_save: 'lm_head' }), 'model/config'],
    [config({ bias: 'some' }), 'model/config'],
  ])('refuses the configuration %s', async (text, code) => {
    expect((await failure(readPeft(text, new Blob()))).code).toBe(code);
  });

  it('names all bad tensors', async () => {
    const tensor = (name: string, shape: readonly number[], dtype: 'F32' | 'I32' = 'F32', bits: readonly number[] = []) => {
      const data = new Uint32Array(shape.reduce((a, b) => a * b, 1));
      data.set(bits);
      return { name: `base_model.model.${name}`, dtype, shape, data: new Uint8Array(data.buffer) };
    };
    const bytes = writeSafetensors([
      tensor('model.layers.0.q_proj.lora_A.weight', [3, 4]),
      tensor('model.layers.0.q_proj.lora_B.weight', [6, 2], 'F32', [0x7fc00000]),
      tensor('model.layers.0.v_proj.lora_A.weight', [2, 5]),
      tensor('model.layers.9.q_proj.lora_A.weight', [2, 4]),
      tensor('model.layers.0.q_proj.lora_magnitude_vector', [6]),
      tensor('model.layers.0.v_proj.lora_B.weight', [6, 2], 'I32'),
    ]);
    const layers = ['q', 'v'].map((name) => ({ module: `model.layers.0.${name}_proj`, inputs: 4, outputs: 6 }));
    const error = await failure(readPeft(config(), new Blob([bytes]), layers));
    expect(error.code).toBe('model/weights');
    const found = error.problems.map((p) => `${p.where.replace('base_model.model.', '')} ${p.message}`);
    expect(found.sort()).toEqual([
      'model.layers.0.q_proj.lora_A.weight has the shape [3, 4], expected [2, 4]',
      'model.layers.0.q_proj.lora_B.weight has NaN or infinity',
      'model.layers.0.q_proj.lora_magnitude_vector is neither a tensor of the adapter nor a weight that the configuration names',
      'model.layers.0.v_proj.lora_A.weight has the shape [2, 5], expected [2, 4]',
      'model.layers.0.v_proj.lora_B.weight has the type I32; supported are F32, F16 and BF16',
      'model.layers.9.q_proj.lora_A.weight belongs to model.layers.9.q_proj, which the model does not have',
    ]);
  });

  it('reports a missing factor, and a file without tensors', async () => {
    const a = {
      name: 'base_model.model.model.layers.0.q_proj.lora_A.weight',
      dtype: 'F32',
      shape: [2, 1],
      data: new Uint8Array(8),
    } as const;
    expect((await failure(readPeft(config(), new Blob([writeSafetensors([a])])))).message).toContain('has lora_A but no lora_B');
    expect((await failure(readPeft(config(), new Blob([writeSafetensors([])])))).message).toContain('has no tensors of LORA');
  });
});

describe('the model card', () => {
  const facts: CardFacts = {
    ...{ name: 'my run', modelName: 'acme/base-1b', datasetName: 'chats.jsonl', examples: 200, step: 75 },
    ...{ baseLoss: 2.5, tunedLoss: 1.25, trainable: 1234, device: 'SwiftShader', recipe: defaultRecipe() },
  };

  it("begins with the header that the Hub reads, and has the run's figures", () => {
    const card = modelCard(facts);
    expect(card.split('---')[1]?.trim().split('\n')).toEqual([
      'base_model: "acme/base-1b"',
      'library_name: peft',
      'pipeline_tag: text-generation',
      'tags:',
      '  - "base_model:adapter:acme/base-1b"',
      '  - "lora"',
      '  - "transformers"',
    ]);
    for (const part of ['2.5000', '1.2500 (perplexity 3.490)', '200 examples', '| Steps | 75 |', '| `learningRate` | `0.0002` |'])
      expect(card).toContain(part);
    expect(modelCard({ ...facts, baseLoss: null })).toContain('not measured');
    const pairs = [{ step: facts.step, wins: 20, losses: 8, ties: 0, heldOut: 28, against: 'acme `1`', at: 0 }];
    const judged = modelCard({ ...facts, pairs, feedback: { kind: 'kto', ratings: 34 } });
    expect(judged).toContain('Trained on 34 ratings: preferred in 71 % of 28 blind pairs with `` acme `1` ``.');
    expect(modelCard({ ...facts, pairs, step: facts.step + 1 })).not.toContain('blind pairs');
    expect(modelCard({ ...facts, teacher: { name: 'acme|big' } })).toContain('| Teacher | `acme\\|big` |');
    expect(card).not.toContain('Teacher');
  });

  it('names the datasets of a mixture with their weights, and what is left out of a run with values', () => {
    const source = (name: string, weight: number) => ({ name, weight, train: 90, heldOut: 10, test: 0 });
    const card = modelCard({ ...facts, mixture: [source('a|b.csv', 1), source('c.csv', 0.5)] });
    expect(card).toContain('| Mixture, dataset 1 | `a\\|b.csv`, 90 examples for training, weight 1 |');
    expect(card).toContain('| Mixture, dataset 2 | `c.csv`, 90 examples for training, weight 0.5 |');
    const rewards = [{ kind: 'length', max: 5 }];
    const values = 'The value head, which estimated rewards during the training, is not part of these files.';
    expect(modelCard({ ...facts, recipe: parseRecipe({ objective: { kind: 'ppo', rewards } }) })).toContain(values);
    expect(modelCard({ ...facts, recipe: parseRecipe({ objective: { kind: 'grpo', rewards } }) })).not.toContain(values);
  });

  it('states how the base was quantised', () => {
    expect(modelCard(facts)).not.toContain('quantised');
    expect(modelCard({ ...facts, recipe: parseRecipe({ basePrecision: 'q4' }) })).toContain(
      'quantised to 4 bits during training (QLoRA: NF4',
    );
    expect(modelCard({ ...facts, recipe: parseRecipe({ basePrecision: 'q8' }) })).toContain('quantised to 8 bits');
  });

  it('states that activations were stored in 16 bits', () => {
    expect(modelCard(facts)).not.toContain('16 bits');
    const card = modelCard({ ...facts, recipe: parseRecipe({ basePrecision: 'q4', activationPrecision: 'f16' }) });
    expect(card).toContain('not quantised.\n\nActivations were stored in 16 bits during training, with dynamic loss scaling.');
    expect(card).toContain('| `activationPrecision` | `f16` |');
  });

  it('escapes names', () => {
    const card = modelCard({ ...facts, name: '`x` <b>\n# y', modelName: 'a"\n---\nb: c', datasetName: 'a|b``.csv' });
    expect(card).toContain('# `` `x` <b> # y ``');
    expect(card).toContain('base_model: "a\\"\\n---\\nb: c"');
    expect(card).toContain('``` a\\|b``.csv ```, 200');
  });

  it('is exported with the two other files', async () => {
    const recipe = { ...facts.recipe, method: loraWith({ rank: 2 }) };
    const files = await exportedFiles('peft', { ...facts, recipe, base: null, tensors: PAIR });
    expect(files.map((each) => each.name)).toEqual(['adapter_config.json', 'adapter_model.safetensors', 'README.md']);
  });
});
