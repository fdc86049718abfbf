/** The files of runs of classifiers, compared with those that PEFT and transformers saved for each family. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { codeOf } from '../../src/core/errors';
import { exportChoices, exportedBytes, exportedFiles } from '../../src/export';
import type { CardFacts } from '../../src/export/card';
import { readPeft } from '../../src/export/read-peft';
import type { ExportedFile, TunedTensor } from '../../src/export/types';
import { parseConfig } from '../../src/model/families';
import { openFolder, type ModelFolder } from '../../src/model/folder';
import type { TensorInfo } from '../../src/formats/safetensors';
import { readHeader } from '../../src/formats/safetensors-read';
import { writeSafetensors } from '../../src/formats/safetensors-write';
import { METHOD_KINDS, virtualTokens, type MethodSettings } from '../../src/recipe/methods';
import type { ObjectiveKind } from '../../src/recipe/objectives';
import { parseRecipe, type Recipe } from '../../src/recipe/recipe';
import { tunedRun } from '../../src/train/exports';
import { headParameters, LANGUAGE, type Job } from '../../src/train/job';
import { storedParameters } from '../../src/train/records';
import type { RunRecord } from '../../src/checkpoint/types';
import { loraWith } from '../lora';

const golden = (path: string) => readFileSync(new URL(`../golden/${path}`, import.meta.url));
const json = (text: string | Buffer) => JSON.parse(text.toString()) as Record<string, unknown>;

const facts: Omit<CardFacts, 'recipe' | 'teacher'> = {
  ...{ name: 'my run', modelName: 'acme/base', datasetName: 'mails.csv', examples: 200, step: 75 },
  ...{ baseLoss: null, tunedLoss: 0.5, trainable: 1234, device: 'SwiftShader' },
};

interface Case {
  readonly name: string;
  readonly kind: ObjectiveKind;
  readonly outputs: number;
  /** Architectures of the base that the case's files are given. */
  readonly architecture: string;
  /** Of names of tensors, which files of the bare model do not have. */
  readonly prefix: string;
}

const CASES: readonly Case[] = [
  { name: 'bert_seqcls', kind: 'classify', outputs: 3, architecture: 'BertModel', prefix: 'bert.' },
  { name: 'bert_regression', kind: 'regress', outputs: 1, architecture: 'BertForPreTraining', prefix: '' },
  { name: 'roberta_seqcls', kind: 'classify', outputs: 4, architecture: 'RobertaForMaskedLM', prefix: '' },
  { name: 'roberta_multilabel', kind: 'multi-label', outputs: 4, architecture: 'RobertaModel', prefix: 'roberta.' },
  { name: 'distilbert_seqcls', kind: 'classify', outputs: 3, architecture: 'DistilBertModel', prefix: 'distilbert.' },
  { name: 'gpt2_seqcls', kind: 'classify', outputs: 3, architecture: 'GPT2LMHeadModel', prefix: 'transformer.' },
  { name: 'llama_seqcls', kind: 'classify', outputs: 3, architecture: 'LlamaForCausalLM', prefix: '' },
  { name: 'llama_reward', kind: 'reward', outputs: 1, architecture: 'LlamaForCausalLM', prefix: '' },
  { name: 'qwen2_seqcls', kind: 'classify', outputs: 3, architecture: 'Qwen2ForCausalLM', prefix: '' },
  { name: 'phi3_seqcls', kind: 'classify', outputs: 3, architecture: 'Phi3ForCausalLM', prefix: '' },
  { name: 'gemma3_seqcls', kind: 'classify', outputs: 3, architecture: 'Gemma3ForCausalLM', prefix: '' },
  { name: 'modernbert_seqcls', kind: 'classify', outputs: 3, architecture: 'ModernBertForMaskedLM', prefix: '' },
];

const PROBLEM_TYPES: Partial<Record<ObjectiveKind, string>> = {
  classify: 'single_label_classification',
  'multi-label': 'multi_label_classification',
  regress: 'regression',
  reward: 'regression',
};

const caseOf = (name: string): Case => CASES.find((one) => one.name === name) ?? missing(name);
const labelsOf = ({ kind, outputs }: Case) =>
  kind === 'regress' || kind === 'reward' ? [] : Array.from({ length: outputs }, (_, index) => `class ${index}`);
const jobOf = ({ kind, outputs }: Case): Job => ({
  ...LANGUAGE,
  objective: parseRecipe({ objective: { kind } }).objective,
  outputs,
});
const recipeOf = ({ kind }: Case, method: object = { kind: 'full' }): Recipe =>
  parseRecipe({ version: 2, method, objective: { kind } });

function missing(what: string): never {
  throw new Error(`no ${what}`);
}

const fileOf = (files: readonly ExportedFile[], name: string): Blob =>
  files.find((file) => file.name === name)?.blob ?? missing(name);

interface Raw extends TensorInfo {
  readonly bytes: Uint8Array<ArrayBuffer>;
}

async function tensorsOf(file: Blob): Promise<readonly Raw[]> {
  const { tensors } = await readHeader(file, 'a file');
  const read = async (info: TensorInfo) => new Uint8Array(await file.slice(info.start, info.end).arrayBuffer());
  return Promise.all(tensors.map(async (info) => ({ ...info, bytes: await read(info) })));
}

const tokenizerFile = (name: string) =>
  new File([readFileSync(new URL(`fixtures/tokenizers/llama2-like/${name}`, import.meta.url))], name);

/** Names that the base's classifier has. */
const isHead = (name: string) => /^(pre_classifier|classifier|score)\./.test(name);

/** The case's model as one that has no classifier, but tensors that a classifier does not have. */
async function openBase({ name, architecture, prefix }: Case, changes: object = {}): Promise<ModelFolder> {
  const saved = await tensorsOf(new Blob([golden(`${name}/model.safetensors`)]));
  const kept = saved.filter((one) => !isHead(one.name)).map((one) => ({ ...one, name: one.name.replace(prefix, '') }));
  const { vocab_size: v, hidden_size: c = 32 } = json(golden(`${name}/config.json`)) as {
    vocab_size: number;
    hidden_size?: number;
  };
  const others = [
    { name: 'lm_head.weight', shape: [v, c] },
    { name: 'lm_head.decoder.bias', shape: [v] },
    { name: 'classifier.weight', shape: [7, c] },
  ].map((one) => ({ ...one, dtype: 'F32' as const, bytes: new Uint8Array(4 * one.shape.reduce((a, b) => a * b, 1)) }));
  const tensors = [...kept, ...others].map(({ name: own, shape, dtype, bytes }) => ({ name: own, shape, dtype, data: bytes }));
  const { id2label: _, label2id: __, problem_type: ___, ...config } = json(golden(`${name}/config.json`));
  const text = JSON.stringify({ ...config, architectures: [architecture], num_labels: 7, ...changes });
  const weights = new File([writeSafetensors(tensors)], 'model.safetensors');
  return openFolder([
    new File([text], 'config.json'),
    weights,
    ...['tokenizer.json', 'tokenizer_config.json'].map(tokenizerFile),
  ]);
}

/** All parameters of a run, with numbers that are all different. */
function tuned(base: ModelFolder, recipe: Recipe, job: Job): readonly TunedTensor[] {
  return storedParameters(base.config, recipe, job).map((parameter) => {
    const size = parameter.shape.reduce((a, b) => a * b, 1);
    return { ...parameter, data: Float32Array.from({ length: size }, (_, i) => parameter.offset + i) };
  });
}

describe('the adapter of a classifier', () => {
  /** The run that PEFT's files are of, from its parameters as the page stores them. */
  async function exported(one: Case) {
    const read = (file: string) => golden(`${one.name}/final/${file}`);
    const adapter = await readPeft(read('adapter_config.json').toString(), new Blob([read('adapter_model.safetensors')]));
    const { method, fanInFanOut } = adapter;
    const recipe = recipeOf(one, method);
    const config = parseConfig(golden(`${one.name}/config.json`).toString());
    const tensors = storedParameters(config, recipe, jobOf(one)).map((parameter) => {
      const { data } = adapter.tensors.find(({ name }) => name === parameter.name) ?? missing(parameter.name);
      return { ...parameter, data };
    });
    expect(tensors).toHaveLength(adapter.tensors.length);
    const labels = labelsOf(one);
    const run = { ...facts, recipe, fanInFanOut, base: null, tensors, ...(labels.length > 0 && { labels }) };
    return exportedFiles('peft', run);
  }

  it.each(CASES)('of $name has the bytes that PEFT saves', async (one) => {
    const files = await exported(one);
    const weights = Buffer.from(await fileOf(files, 'adapter_model.safetensors').arrayBuffer());
    expect(Buffer.compare(weights, golden(`${one.name}/final/adapter_model.safetensors`))).toBe(0);
    const ours = json(await fileOf(files, 'adapter_config.json').text());
    const theirs = json(golden(`${one.name}/final/adapter_config.json`));
    const sets = (config: Record<string, unknown>) => ({
      ...Object.fromEntries(Object.keys(ours).map((key) => [key, config[key]])),
      ...{ base_model_name_or_path: '', target_modules: new Set(config['target_modules'] as string[]) },
      modules_to_save: new Set(config['modules_to_save'] as string[]),
    });
    expect(sets(ours)).toEqual(sets(theirs));
    expect(ours['task_type']).toBe('SEQ_CLS');
  });

  it('has its labels and how to load it in the card', async () => {
    const card = await fileOf(await exported(caseOf('llama_seqcls')), 'README.md').text();
    for (const part of ['pipeline_tag: text-classification', '| 2 | `class 2` |', 'labels = ["class 0", "class 1", "class 2"]'])
      expect(card).toContain(part);
    expect(card).toContain('problem_type="single_label_classification"');
    expect(card).toContain('AutoModelForSequenceClassification.from_pretrained(\n    base,\n');
    expect(card).not.toContain('CausalLM');
    expect(card).not.toContain('base model |');
  });

  it.each([
    ['bert_regression', 'labels = ["LABEL_0"]', 'The loss is the mean squared error.', 'print(outputs.tolist())'],
    [
      'llama_reward',
      'labels = ["LABEL_0"]',
      'objective reward',
      'apply_chat_template',
      'config.pad_token_id = tokenizer.pad_token_id',
    ],
    ['roberta_multilabel', 'problem_type="multi_label', 'The loss is the mean binary cross-entropy', 'outputs.sigmoid()'],
  ])('of %s says what its outputs are', async (name, ...parts) => {
    const card = await fileOf(await exported(caseOf(name)), 'README.md').text();
    for (const part of parts) expect(card).toContain(part);
  });

  it('saves a pooler that the base does not have, and no output head', async () => {
    const one = { ...caseOf('bert_seqcls'), architecture: 'BertForMaskedLM' };
    const method = loraWith({ rank: 2, targetModules: ['query'], modulesToSave: ['embeddings.LayerNorm'] });
    const recipe = recipeOf(one, method);
    const base = await openBase(one);
    const files = await exportedFiles('peft', { ...facts, recipe, base, tensors: tuned(base, recipe, jobOf(one)) });
    const { modules_to_save: modules } = json(await fileOf(files, 'adapter_config.json').text());
    expect(modules).toEqual(['bert.embeddings.LayerNorm', 'bert.pooler.dense', 'classifier', 'score']);
    const names = (await tensorsOf(fileOf(files, 'adapter_model.safetensors'))).map(({ name }) => name);
    expect(names.filter((name) => !name.includes('lora_')).sort()).toEqual(
      ['bert.embeddings.LayerNorm', 'bert.pooler.dense', 'classifier'].flatMap((module) =>
        ['bias', 'weight'].map((part) => `base_model.model.${module}.${part}`),
      ),
    );
  });

  it.each([
    [{ tie_word_embeddings: true }, ['embed_tokens'], 'model.embed_tokens.weight'],
    [{ tie_word_embeddings: false }, ['lm_head', 'norm'], 'model.norm.weight'],
  ])('of a language model with %o has no output head', async (changes, modulesToSave, saved) => {
    const one = caseOf('llama_seqcls');
    const base = await openBase(one, changes);
    const recipe = recipeOf(one, loraWith({ rank: 2, targetModules: ['q_proj'], modulesToSave }));
    const files = await exportedFiles('peft', { ...facts, recipe, base, tensors: tuned(base, recipe, jobOf(one)) });
    const { modules_to_save: modules } = json(await fileOf(files, 'adapter_config.json').text());
    expect(modules).toEqual([saved.replace('.weight', ''), 'classifier', 'score']);
    const names = (await tensorsOf(fileOf(files, 'adapter_model.safetensors'))).map(({ name }) => name);
    expect(names.filter((name) => !name.includes('lora_')).sort()).toEqual(
      [`base_model.model.${saved}`, 'base_model.model.score.weight'].sort(),
    );
  });
});

describe('the whole model of a classifier', () => {
  it.each(CASES)('of $name has the tensors and the configuration that transformers saves', async (one) => {
    const base = await openBase(one);
    const recipe = recipeOf(one);
    const tensors = tuned(base, recipe, jobOf(one));
    const labels = labelsOf(one);
    const run = { ...facts, recipe, base, tensors, ...(labels.length > 0 && { labels }) };
    const files = await exportedFiles('merged', run);
    const written = await tensorsOf(fileOf(files, 'model.safetensors'));
    const theirs = await tensorsOf(new Blob([golden(`${one.name}/model.safetensors`)]));
    const shapes = (all: readonly Raw[]) => Object.fromEntries(all.map(({ name, shape }) => [name, shape]));
    expect(shapes(written)).toEqual(shapes(theirs));
    for (const { name, bytes } of written) {
      const own = tensors.find((tensor) => tensor.name === name) ?? missing(name);
      if (own.transposed !== true) expect(Buffer.compare(bytes, new Uint8Array(own.data.buffer))).toBe(0);
    }
    const config = json(await fileOf(files, 'config.json').text());
    const saved = json(golden(`${one.name}/config.json`));
    const names = labels.length > 0 ? labels : ['LABEL_0'];
    const { rope_theta: theta } = (saved['rope_parameters'] ?? {}) as { rope_theta?: number };
    expect(config).toEqual({
      ...(theta !== undefined && { rope_theta: theta }),
      ...saved,
      id2label: Object.fromEntries(names.entries()),
      label2id: Object.fromEntries(names.map((label, index) => [label, index])),
      problem_type: PROBLEM_TYPES[one.kind],
    });
    const card = await fileOf(files, 'README.md').text();
    expect(card).toContain('AutoModelForSequenceClassification.from_pretrained(folder)');
    expect(card).toContain(`| 0 | \`${names[0]}\` |`);
  });

  it('keeps the text of numbers, and names the token of padding where the last token is read', async () => {
    const pads = async (name: string, pad: number | null | undefined, token: string | null) => {
      const one = caseOf(name);
      const opened = await openBase(one, { pad_token_id: pad, rope_theta: 12345 });
      const change = async (file: File): Promise<File> => {
        const text = async () => (await file.text()).replace('12345', '12345.0');
        if (file.name === 'config.json') return new File([await text()], file.name);
        if (file.name !== 'tokenizer_config.json') return file;
        return new File([JSON.stringify({ ...json(await file.text()), pad_token: token })], file.name);
      };
      const base = await openFolder(await Promise.all(opened.files.map(change)));
      const recipe = recipeOf(one, { kind: 'full', train: 'biases' });
      const run = { ...facts, recipe, base, tensors: tuned(base, recipe, jobOf(one)) };
      const text = await fileOf(await exportedFiles('merged', run), 'config.json').text();
      expect(text).toContain('"rope_theta": 12345.0');
      return json(text)['pad_token_id'];
    };
    const eos = json(tokenizerText())['added_tokens'] as { id: number; content: string }[];
    const last = eos.at(-1) ?? missing('added token');
    expect(await pads('qwen2_seqcls', 5, last.content)).toBe(5);
    expect(await pads('qwen2_seqcls', null, last.content)).toBe(last.id);
    expect(await pads('qwen2_seqcls', undefined, null)).toBeUndefined();
    expect(await pads('bert_seqcls', undefined, last.content)).toBeUndefined();
  });
});

describe('a run of a classifier', () => {
  const one = caseOf('llama_seqcls');

  it('can be saved as its method allows, and is refused with the reason', async () => {
    const kinds = (recipe: Recipe, base: ModelFolder | null) =>
      exportChoices({ ...facts, recipe, base }).flatMap(({ kind, blocker }) => (blocker === null ? [kind] : []));
    const base = await openBase(one);
    expect(kinds(recipeOf(one, loraWith({})), null)).toEqual(['peft', 'report']);
    expect(kinds(recipeOf(one), base)).toEqual(['merged', 'bundle', 'report']);
    expect(kinds(recipeOf(one), null)).toEqual(['report']);
    const form = (method: MethodSettings) => {
      if (method.kind === 'bottleneck') return 'adapters';
      return virtualTokens(method) === 0 ? 'merged' : 'peft';
    };
    for (const kind of METHOD_KINDS) {
      const recipe = recipeOf(one, { kind });
      expect(kinds(recipe, base)).toContain(form(recipe.method));
    }
    const refused = exportedFiles('merged', { ...facts, recipe: recipeOf(one), base: null, tensors: [] });
    await expect(refused.catch(codeOf)).resolves.toBe('train/state');
  });

  it('has the loss of its task and the weights of its classes in a bundle', async () => {
    const scriptOf = async (name: string, weights?: readonly number[]) => {
      const one = caseOf(name);
      const base = await openBase(one);
      const recipe = recipeOf(one, loraWith({ rank: 2 }));
      const tensors = tuned(base, recipe, jobOf(one));
      const labels = labelsOf(one);
      const run = {
        ...facts,
        recipe,
        base,
        tensors,
        ...(labels.length > 0 && { labels }),
        ...(weights && { classWeights: weights }),
      };
      const example = {
        line: 1,
        documents: [{ ids: Int32Array.of(5, 6), trained: Uint8Array.of(0, 0) }],
        target: Array.from({ length: one.kind === 'classify' ? 1 : one.outputs }, () => 0),
      };
      const files = await exportedFiles('bundle', run, {
        history: () => Promise.resolve({ steps: [], evals: [] }),
        splits: () => Promise.resolve({ train: [example], heldOut: [] }),
      });
      return fileOf(files, 'train.py').text();
    };
    const weights = [0.5, 2, 1, 4];
    expect(await scriptOf('roberta_seqcls')).toContain('cross_entropy(outputs.logits.float(), labels)');
    const weighted = await scriptOf('roberta_seqcls', weights);
    for (const part of ['torch.tensor([0.5,2,1,4], device', 'cross_entropy(outputs.logits.float(), labels, weight=weights)'])
      expect(weighted).toContain(part);
    expect(await scriptOf('roberta_multilabel', weights)).toContain(
      '_with_logits(outputs.logits.float(), labels, pos_weight=weights)',
    );
    expect(await scriptOf('bert_regression')).toContain('mse_loss(outputs.logits.float(), labels)');
  });

  it('has the labels in the configuration of the base that comes with an adapter', async () => {
    const one = caseOf('llama_seqcls');
    const base = await openBase(one, { pad_token_id: null });
    const recipe = recipeOf(one, loraWith({ rank: 2 }));
    const tensors = tuned(base, recipe, jobOf(one));
    const files = await exportedFiles('peft', { ...facts, modelName: 'mine', recipe, base, tensors, labels: labelsOf(one) });
    const config = json(await fileOf(files, 'base/config.json').text());
    expect(config).toMatchObject({
      ...{ architectures: ['LlamaForCausalLM'], problem_type: 'single_label_classification' },
      id2label: { 0: 'class 0', 1: 'class 1', 2: 'class 2' },
    });
    expect(config).not.toHaveProperty('num_labels');
  });

  it('counts the classifier in the size of its files', async () => {
    const base = await openBase(one);
    const recipe = recipeOf(one, loraWith({ rank: 2 }));
    const added = headParameters(base.config, jobOf(one));
    expect(exportedBytes(recipe, base, added) - exportedBytes(recipe, base, [])).toBe(4 * 3 * 64);
  });

  it('has the metrics of its step in the card', async () => {
    const config = parseConfig(golden('llama_seqcls/config.json').toString());
    const recipe = recipeOf(one, loraWith({ rank: 2 }));
    const parameters = storedParameters(config, recipe, jobOf(one));
    const record = { ...facts, recipe, parameters, labels: labelsOf(one) } as Partial<RunRecord> as RunRecord;
    const size = parameters.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
    const zeros = () => new Float32Array(size);
    const evals = [5, 10].map((step) => ({ step, loss: step / 10, metrics: { accuracy: step / 20 } }));
    const card = async (step: number) => {
      const run = tunedRun(record, { step, parameters: zeros(), m: zeros(), v: zeros() }, evals, null);
      return fileOf(await exportedFiles('peft', run), 'README.md').text();
    };
    expect(await card(5)).toContain('| Held-out `accuracy` | 0.2500 |');
    expect(await card(10)).toContain('| Held-out `accuracy` | 0.5000 |');
    expect(await card(7)).not.toContain('accuracy');
  });
});

function tokenizerText(): Buffer {
  return readFileSync(new URL('fixtures/tokenizers/llama2-like/tokenizer.json', import.meta.url));
}
