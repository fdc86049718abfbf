/** Validation of config.json for each family. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CodedError } from '../../src/core/errors';
import { familyOf, parseConfig } from '../../src/model/families';
import { parseLlama } from '../models';
import { ropeFrequencies, ropeTables } from '../../src/model/rope';
import { headName, targetLayers, targetNames, weightSpecs } from '../../src/model/weights';
import { readHeader } from '../../src/formats/safetensors-read';

const golden = (name: string) => new URL(`../golden/${name}`, import.meta.url);
const text = (name: string) => readFileSync(golden(`${name}/config.json`), 'utf8');

const base = {
  ...{ model_type: 'llama', hidden_size: 64, intermediate_size: 96, num_hidden_layers: 2, num_attention_heads: 4 },
  ...{ vocab_size: 96, max_position_embeddings: 2048, rms_norm_eps: 1e-5, hidden_act: 'silu' },
};
const parse = (changes: object) => parseLlama(JSON.stringify({ ...base, ...changes }));

const failure = (changes: object) => thrownBy(() => parse(changes));

function thrownBy(action: () => unknown): CodedError {
  try {
    action();
  } catch (error) {
    if (error instanceof CodedError) return error;
  }
  throw new Error('expected a coded error');
}

describe('parseConfig', () => {
  it.each([
    ...['llama_gqa', 'llama_rslora_untied', 'llama_dora', 'qwen2', 'qwen3', 'phi3', 'phi3_window'],
    ...['gemma2', 'gemma2_window', 'gemma3', 'gemma3_window'],
  ])('of %s expects exactly the tensors that save_pretrained wrote', async (name) => {
    const config = parseConfig(text(name));
    const header = await readHeader(new Blob([readFileSync(golden(`${name}/model.safetensors`))]), name);
    const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
    const found = header.tensors.map((t) => ({ name: t.name, shape: t.shape })).sort(byName);
    const expected = weightSpecs(config).map(({ name, shape }) => ({ name, shape }));
    expect(expected.sort(byName)).toEqual(found);
  });

  it('of gpt2 expects the tensors that save_pretrained wrote, with Conv1D weights transposed', async () => {
    const config = parseConfig(text('gpt2'));
    const header = await readHeader(new Blob([readFileSync(golden('gpt2/model.safetensors'))]), 'gpt2');
    const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
    const expected = weightSpecs(config).map(({ name, shape, transposed }) => ({
      ...{ name, shape: transposed === true ? [...shape].reverse() : shape },
    }));
    expect(expected.sort(byName)).toEqual(header.tensors.map(({ name, shape }) => ({ name, shape })).sort(byName));
    expect(targetNames(config)).toEqual(['c_attn', 'c_proj', 'c_fc']);
  });

  it.each([
    'bert_seqcls',
    'roberta_seqcls',
    'distilbert_seqcls',
    'llama_seqcls',
    'gpt2_seqcls',
    'phi3_seqcls',
    'gemma3_seqcls',
    'modernbert_seqcls',
    'modernbert_cls',
    'bert_regression',
  ])('of %s expects the tensors that save_pretrained wrote, but for the classifier', async (name) => {
    const config = parseConfig(text(name));
    const header = await readHeader(new Blob([readFileSync(golden(`${name}/model.safetensors`))]), name);
    const heads = /^(classifier|pre_classifier|score)\./;
    const written = header.tensors.map((tensor) => tensor.name).filter((tensor) => !heads.test(tensor));
    expect(
      weightSpecs(config)
        .map((spec) => spec.name)
        .sort(),
    ).toEqual(written.sort());
  });

  it('of encoders has no causal attention, and the positions of RoBERTa begin after that of padding', () => {
    expect(parseConfig(text('bert_seqcls'))).toMatchObject({
      firstPosition: 0,
      maxPositions: 64,
      attention: [{ causal: false }, {}],
    });
    expect(parseConfig(text('roberta_seqcls'))).toMatchObject({ firstPosition: 2, maxPositions: 62 });
    const changed = (changes: object) =>
      parseConfig(JSON.stringify({ ...(JSON.parse(text('bert_seqcls')) as object), ...changes }));
    expect(() => changed({ model_type: 'roberta', pad_token_id: 'x' })).toThrow(/pad_token_id: is "x"/);
    expect(() => changed({ position_embedding_type: 'relative_key' })).toThrow(/position_embedding_type: is "relative_key"/);
    expect(() => changed({ is_decoder: true })).toThrow(/is_decoder/);
    expect(() => changed({ hidden_act: 'swish' })).toThrow(/hidden_act.*"swish"/);
  });

  it('of gpt2 scales attention by layer when config.json says so, and refuses other activations', () => {
    const gpt2 = { ...(JSON.parse(text('gpt2')) as object), n_embd: 64, n_head: 4 };
    const parsed = (changes: object) => parseConfig(JSON.stringify({ ...gpt2, ...changes }));
    expect(parsed({}).attention.map(({ scale }) => scale)).toEqual([1 / 4, 1 / 4]);
    expect(parsed({ scale_attn_by_inverse_layer_idx: true }).attention.map(({ scale }) => scale)).toEqual([1 / 4, 1 / 8]);
    expect(parsed({ scale_attn_weights: false }).attention.map(({ scale }) => scale)).toEqual([1, 1]);
    expect(() => parsed({ activation_function: 'swish' })).toThrow(/activation_function.*"swish".*gelu_new/);
    expect(() => parsed({ n_head: 5 })).toThrow(/n_head.*does not divide n_embd 64/);
    expect(() => parsed({ architectures: ['GPT2ForTokenClassification'] })).toThrow(
      /architectures: is GPT2ForTokenClassification/,
    );
  });

  it('has defaults for optional fields', () => {
    const config = parse({});
    expect(config).toMatchObject({ kvHeads: 4, headDim: 16, tied: false, qkNorm: false });
    expect(config.bias).toEqual({ qkv: false, o: false, mlp: false });
    expect(config.rope).toEqual({ theta: 10000, type: 'default' });
    expect(parse({ model_type: 'qwen3' }).headDim).toBe(128);
  });

  it('has the biases of each family', () => {
    const both = { attention_bias: true, mlp_bias: true };
    expect(parse(both).bias).toEqual({ qkv: true, o: true, mlp: true });
    expect(parse({ ...both, model_type: 'mistral' }).bias).toEqual({ qkv: false, o: false, mlp: false });
    expect(parse({ model_type: 'qwen2' }).bias).toEqual({ qkv: true, o: false, mlp: false });
    expect(parse({ ...both, model_type: 'qwen3' }).bias).toEqual({ qkv: true, o: true, mlp: false });
  });

  it('has a sliding window for the layers that use one', () => {
    const windows = (more: object) => parse(more).attention.map(({ window }) => window);
    expect(windows({ model_type: 'mistral', sliding_window: 512 })).toEqual([512, 512]);
    expect(windows({ model_type: 'mistral', sliding_window: null })).toEqual([0, 0]);
    expect(windows({ model_type: 'mistral', sliding_window: 2048 })).toEqual([0, 0]);
    expect(windows({ model_type: 'mistral', max_position_embeddings: 32768 })).toEqual([4096, 4096]);
    expect(windows({ model_type: 'qwen2', sliding_window: 512 })).toEqual([0, 0]);
    const qwen = { model_type: 'qwen2', sliding_window: 512, use_sliding_window: true };
    expect(windows({ ...qwen, max_window_layers: 1 })).toEqual([0, 512]);
    expect(windows({ ...qwen, max_window_layers: 2 })).toEqual([0, 0]);
    expect(windows({ ...qwen, layer_types: ['sliding_attention', 'full_attention'] })).toEqual([512, 0]);
    expect(windows({ ...qwen, max_window_layers: 1, layer_types: ['full_attention', 'full_attention'] })).toEqual([0, 0]);
    expect(() => parse({ ...qwen, layer_types: ['full_attention'] })).toThrow(/layer_types.*names 1 layers/);
  });

  it('parses RoPE as transformers 4 and 5 write it', () => {
    const llama3 = { factor: 32, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 8192 };
    const expected = { theta: 5e5, type: 'llama3', factor: 32, lowFreqFactor: 1, highFreqFactor: 4, originalMaxPositions: 8192 };
    expect(parse({ rope_theta: 5e5, rope_scaling: { rope_type: 'llama3', ...llama3 } }).rope).toEqual(expected);
    expect(parse({ rope_parameters: { rope_theta: 5e5, rope_type: 'llama3', ...llama3 } }).rope).toEqual(expected);
    expect(parse({ rope_scaling: { type: 'linear', factor: 4 } }).rope).toEqual({ theta: 10000, type: 'linear', factor: 4 });
    expect(parse({ rope_parameters: { rope_theta: 7e5, rope_type: 'default' } }).rope).toEqual({ theta: 7e5, type: 'default' });
    expect(parse({ rope_theta: 3e5, rope_scaling: null }).rope).toEqual({ theta: 3e5, type: 'default' });
  });

  it.each(['yarn', 'dynamic', 'longrope', 'su'])('refuses the RoPE scaling %s by name', (type) => {
    const error = failure({ rope_scaling: { rope_type: type, factor: 2 } });
    expect(error.code).toBe('model/unsupported');
    expect(error.message).toContain(`"${type}"`);
  });

  it('refuses an unknown family and lists what is supported', () => {
    expect(() => parse({ model_type: 't5' })).toThrow(/not supported.*"t5".*llama, mistral, qwen2, qwen3, gpt2, bert/);
  });

  it.each([
    [{ quantization_config: { quant_method: 'gptq' } }, 'quantization_config'],
    [{ hidden_act: 'gelu' }, 'hidden_act'],
    [{ partial_rotary_factor: 0.5 }, 'partial_rotary_factor'],
    [{ layer_types: ['linear_attention'] }, 'layer_types'],
    [{ model_type: undefined }, 'model_type'],
    [{ model_type: '__proto__' }, 'model_type'],
    [{ model_type: 'gemma' }, 'model_type'],
  ])('refuses %j', (changes, where) => {
    const error = failure(changes);
    expect([error.code, ...error.problems.map((p) => p.where)]).toEqual(['model/unsupported', where]);
  });

  it.each([
    [{ hidden_size: undefined }, 'hidden_size'],
    [{ vocab_size: 0 }, 'vocab_size'],
    [{ num_hidden_layers: 1.5 }, 'num_hidden_layers'],
    [{ intermediate_size: 1e300 }, 'intermediate_size'],
    [{ num_key_value_heads: 3 }, 'num_key_value_heads'],
    [{ head_dim: 15 }, 'head_dim'],
    [{ hidden_size: 66 }, 'num_attention_heads'],
    [{ rms_norm_eps: '1e-5' }, 'rms_norm_eps'],
    [{ tie_word_embeddings: 1 }, 'tie_word_embeddings'],
    [{ rope_scaling: { rope_type: 'linear' } }, 'rope_scaling.factor'],
    [{ rope_scaling: 'linear' }, 'rope_scaling'],
  ])('reports %j as wrong', (changes, where) => {
    const error = failure(changes);
    expect([error.code, ...error.problems.map((p) => p.where)]).toEqual(['model/config', where]);
  });

  it('reports all problems at once', () => {
    const error = failure({ hidden_size: -1, vocab_size: null, rms_norm_eps: 0, rope_scaling: { type: 'linear', factor: -1 } });
    expect(error.problems.map((p) => p.where)).toEqual(['hidden_size', 'vocab_size', 'rms_norm_eps', 'rope_scaling.factor']);
  });

  it('refuses JSON that is not an object', () => {
    expect(() => parseConfig('{')).toThrow(/not valid JSON/);
    expect(() => parseConfig('[1]')).toThrow(/not a JSON object/);
  });
});

describe('the configuration of Phi-3', () => {
  const parsed = (changes: object) => parseConfig(JSON.stringify({ model_type: 'phi3', ...changes }));
  const small = { hidden_size: 64, num_attention_heads: 4, num_hidden_layers: 2 };

  it("has the defaults of transformers' Phi3Config", () => {
    const config = parsed({});
    const { attention, ...others } = config;
    expect(others).toMatchObject({
      ...{ hiddenSize: 3072, intermediateSize: 8192, layers: 32, vocabSize: 32064, maxPositions: 4096 },
      ...{ normEps: 1e-5, tied: false, headless: false, initializerRange: 0.02 },
    });
    const rope = { theta: 10000, type: 'default' };
    const one = { heads: 32, kvHeads: 32, headDim: 96, scale: 1 / Math.sqrt(96), window: 0, causal: true, rope };
    expect(attention).toEqual(Array.from({ length: 32 }, () => one));
  });

  it('has the window in every layer, unless it has all positions', () => {
    const windows = (sliding_window: number | null) => parsed({ ...small, sliding_window }).attention.map(({ window }) => window);
    expect(windows(2047)).toEqual([2047, 2047]);
    expect(windows(4095)).toEqual([4095, 4095]);
    expect(windows(4096)).toEqual([0, 0]);
    expect(windows(null)).toEqual([0, 0]);
  });

  it('obeys head_dim, the base of RoPE and tied embeddings', () => {
    const config = parsed({ ...small, num_key_value_heads: 2, head_dim: 32, rope_theta: 25e4, tie_word_embeddings: true });
    const rope = { theta: 25e4, type: 'default' };
    expect(config.attention[1]).toMatchObject({ heads: 4, kvHeads: 2, headDim: 32, scale: 1 / Math.sqrt(32), rope });
    const shapes = new Map(weightSpecs(config).map(({ name, shape }) => [name, shape]));
    expect(shapes.get('model.layers.1.self_attn.qkv_proj.weight')).toEqual([8 * 32, 64]);
    expect(shapes.get('model.layers.1.self_attn.o_proj.weight')).toEqual([64, 4 * 32]);
    expect(shapes.has('lm_head.weight')).toBe(false);
    expect(headName(config)).toBe('model.embed_tokens.weight');
    expect(headName(parsed({ ...small, architectures: ['Phi3ForSequenceClassification'] }))).toBeNull();
  });

  it("has PEFT's all-linear as LoRA's targets", () => {
    const { target_modules } = JSON.parse(readFileSync(golden('phi3_window/init/adapter_config.json'), 'utf8')) as {
      target_modules: string[];
    };
    const layers = targetLayers(parseConfig(text('phi3_window')), 'all-linear');
    expect(layers.map(({ module }) => module).sort()).toEqual([...target_modules].sort());
  });

  it.each([
    [{ rope_scaling: { type: 'longrope', short_factor: [1], long_factor: [1] } }, 'rope_scaling.rope_type', '"longrope"'],
    [{ rope_parameters: { rope_type: 'longrope', rope_theta: 1e4 } }, 'rope_parameters.rope_type', '"longrope"'],
    [{ rope_scaling: { type: 'su' } }, 'rope_scaling.rope_type', '"su"'],
    [{ rope_scaling: { type: 'yarn' } }, 'rope_scaling.rope_type', '"yarn"'],
    [
      { rope_scaling: { type: 'linear', factor: 2 } },
      'rope_scaling.rope_type',
      '"linear" is not supported; supported are default',
    ],
    [{ partial_rotary_factor: 0.75 }, 'partial_rotary_factor', '0.75'],
    [{ rope_parameters: { rope_theta: 1e4, partial_rotary_factor: 0.5 } }, 'rope_parameters.partial_rotary_factor', '0.5'],
    [{ hidden_act: 'gelu' }, 'hidden_act', '"gelu"'],
    [{ architectures: ['Phi3ForTokenClassification'] }, 'architectures', 'Phi3ForTokenClassification'],
    [{ quantization_config: { bits: 4 } }, 'quantization_config', 'quantised'],
  ])('refuses %j', (changes, where, words) => {
    const error = thrownBy(() => parsed({ ...small, ...changes }));
    expect([error.code, ...error.problems.map((problem) => problem.where)]).toEqual(['model/unsupported', where]);
    expect(error.message).toContain(words);
  });

  it.each([
    [{ hidden_size: 66 }, 'num_attention_heads'],
    [{ hidden_size: 60 }, 'head_dim'],
    [{ num_key_value_heads: 3 }, 'num_key_value_heads'],
    [{ sliding_window: 0 }, 'sliding_window'],
    [{ hidden_size: 'x' }, 'hidden_size'],
  ])('reports %j as wrong', (changes, where) => {
    const error = thrownBy(() => parsed({ ...small, ...changes }));
    expect([error.code, ...error.problems.map((problem) => problem.where)]).toEqual(['model/config', where]);
  });
});

it.each([
  ['gemma', /"gemma": Gemma 1; .*gemma2 and gemma3_text/],
  ['gemma3', /"gemma3": Gemma 3 with images .*gemma3_text \(270M and 1B\)/],
  ['gemma3n', /"gemma3n": Gemma 3n/],
  ['phi', /"phi": Phi-1 or Phi-2/],
  ['qwen3_moe', /"qwen3_moe": a mixture of experts/],
  ['mllama', /"mllama": a model with images/],
])('a relative of a supported family, %s, is refused by its name', (model_type, words) => {
  const error = failure({ model_type });
  expect(error.code).toBe('model/unsupported');
  expect(error.message).toMatch(words);
});

describe('the configuration of Gemma', () => {
  const parsed = (changes: object) => parseConfig(JSON.stringify({ model_type: 'gemma3_text', ...changes }));
  const small = { hidden_size: 64, num_attention_heads: 4, num_key_value_heads: 1, head_dim: 16, num_hidden_layers: 6 };
  const gemma2 = (changes: object) => parsed({ ...small, model_type: 'gemma2', ...changes });
  const rope = (theta: number) => ({ theta, type: 'default' });

  it("has the defaults of transformers' Gemma2Config", () => {
    const { attention, ...others } = parsed({ model_type: 'gemma2' });
    expect(others).toMatchObject({
      ...{ hiddenSize: 2304, intermediateSize: 9216, layers: 26, vocabSize: 256000, maxPositions: 8192, normEps: 1e-6 },
      ...{ tied: true, logitSoftcap: 30, qkNorm: false, embeddingScale: 48, activation: 'gelu_tanh' },
    });
    const one = { heads: 8, kvHeads: 4, headDim: 256, scale: 1 / 16, softcap: 50, causal: true, rope: rope(1e4) };
    expect(attention.slice(0, 2)).toEqual([
      { ...one, window: 4096 },
      { ...one, window: 0 },
    ]);
  });

  it("has the defaults of transformers' Gemma3TextConfig", () => {
    const { attention, ...others } = parsed({});
    expect(others).toMatchObject({ vocabSize: 262208, maxPositions: 131072, qkNorm: true, tied: true });
    expect(others).not.toHaveProperty('logitSoftcap');
    const one = { heads: 8, kvHeads: 4, headDim: 256, scale: 1 / 16, causal: true };
    expect(attention.slice(4, 7)).toEqual([
      { ...one, window: 4096, rope: rope(1e4) },
      { ...one, window: 0, rope: rope(1e6) },
      { ...one, window: 4096, rope: rope(1e4) },
    ]);
  });

  it('reads caps, and null for none', () => {
    const capsOf = (config: ReturnType<typeof parsed>) => [config.attention[0]?.softcap, config.logitSoftcap];
    expect(capsOf(gemma2({ attn_logit_softcapping: null, final_logit_softcapping: null }))).toEqual([undefined, undefined]);
    expect(capsOf(gemma2({ attn_logit_softcapping: 20, final_logit_softcapping: 10 }))).toEqual([20, 10]);
    expect(capsOf(parsed({ ...small, attn_logit_softcapping: 20, final_logit_softcapping: 10 }))).toEqual([20, 10]);
  });

  it('reads the layers with a window from a list, or by the pattern under both names', () => {
    const windows = (more: object) => parsed({ ...small, sliding_window: 512, ...more }).attention.map(({ window }) => window);
    expect(windows({})).toEqual([512, 512, 512, 512, 512, 0]);
    expect(windows({ sliding_window_pattern: 3 })).toEqual([512, 512, 0, 512, 512, 0]);
    expect(windows({ _sliding_window_pattern: 2 })).toEqual([512, 0, 512, 0, 512, 0]);
    const layer_types = ['full_attention', ...Array<string>(5).fill('sliding_attention')];
    expect(windows({ sliding_window_pattern: 3, layer_types })).toEqual([0, 512, 512, 512, 512, 512]);
    expect(windows({ max_position_embeddings: 512 })).toEqual([0, 0, 0, 0, 0, 0]);
    expect(gemma2({ sliding_window: 8 }).attention.map(({ window }) => window)).toEqual([8, 0, 8, 0, 8, 0]);
  });

  it('reads the rotations as transformers 4 and 5 write them; only full layers are scaled', () => {
    const thetas = (more: object) => {
      const { attention } = parsed({ ...small, ...more });
      return [attention[0]?.rope, attention[5]?.rope];
    };
    expect(thetas({ rope_theta: 5e5, rope_local_base_freq: 2e4 })).toEqual([rope(2e4), rope(5e5)]);
    const linear = { theta: 1e6, type: 'linear', factor: 8 };
    expect(thetas({ rope_scaling: { rope_type: 'linear', factor: 8 } })).toEqual([rope(1e4), linear]);
    const rope_parameters = {
      sliding_attention: { rope_type: 'default', rope_theta: 3e4 },
      full_attention: { rope_type: 'linear', rope_theta: 1e6, factor: 8 },
    };
    expect(thetas({ rope_parameters })).toEqual([rope(3e4), linear]);
    expect(thetas({ rope_parameters: { full_attention: { rope_type: 'default', rope_theta: 7 } } })).toEqual([
      rope(1e4),
      rope(7),
    ]);
    expect(gemma2({ rope_parameters: { rope_theta: 2e4, rope_type: 'default' } }).attention[0]?.rope).toEqual(rope(2e4));
    expect(gemma2({ rope_theta: 3e4 }).attention[1]?.rope).toEqual(rope(3e4));
  });

  it('multiplies the embeddings by √hidden as the type of the weights has it', () => {
    const scale = (more: object) =>
      (parsed({ ...small, hidden_size: 640, ...more }) as unknown as { embeddingScale: number }).embeddingScale;
    expect(scale({})).toBe(Math.fround(Math.sqrt(640)));
    expect(scale({ dtype: 'float32' })).toBe(Math.fround(Math.sqrt(640)));
    // From torch: torch.tensor(640 ** 0.5).to(…) gives 25.25 in bfloat16 and 25.296875 in float16.
    expect(scale({ dtype: 'bfloat16' })).toBe(25.25);
    expect(scale({ torch_dtype: 'bfloat16' })).toBe(25.25);
    expect(scale({ torch_dtype: 'float16' })).toBe(25.296875);
  });

  it('has biases of attention, an untied head and no head, where the file says so', () => {
    const names = (more: object) => weightSpecs(parsed({ ...small, num_hidden_layers: 1, ...more })).map(({ name }) => name);
    expect(names({}).filter((name) => name.endsWith('.bias'))).toEqual([]);
    expect(names({ attention_bias: true }).filter((name) => name.endsWith('.bias'))).toHaveLength(4);
    expect(names({ tie_word_embeddings: false })).toContain('lm_head.weight');
    const classifier = parsed({ ...small, architectures: ['Gemma3TextForSequenceClassification'] });
    expect(headName(classifier)).toBeNull();
  });

  it("has PEFT's all-linear as LoRA's targets", () => {
    const { target_modules } = JSON.parse(readFileSync(golden('gemma2_window/init/adapter_config.json'), 'utf8')) as {
      target_modules: string[];
    };
    const layers = targetLayers(parseConfig(text('gemma2_window')), 'all-linear');
    expect(layers.map(({ module }) => module).sort()).toEqual([...target_modules].sort());
  });

  it.each([
    [{ use_bidirectional_attention: true }, ['use_bidirectional_attention']],
    [{ use_bidirectional_attention: true, architectures: ['Gemma3TextModel'] }, ['architectures', 'use_bidirectional_attention']],
    [{ architectures: ['Gemma3ForConditionalGeneration'] }, ['architectures']],
    [{ hidden_activation: 'swish' }, ['hidden_activation']],
    [{ layer_types: ['chunked_attention'] }, ['layer_types']],
    [{ rope_scaling: { rope_type: 'yarn' } }, ['rope_scaling.rope_type']],
    [{ rope_parameters: { sliding_attention: { rope_type: 'dynamic' } } }, ['rope_parameters.sliding_attention.rope_type']],
  ])('refuses %j', (changes, where) => {
    const error = thrownBy(() => parsed({ ...small, ...changes }));
    expect([error.code, ...error.problems.map((problem) => problem.where)]).toEqual(['model/unsupported', ...where]);
  });

  it.each([
    [{ sliding_window: null }, 'sliding_window'],
    [{ sliding_window: 0 }, 'sliding_window'],
    [{ num_key_value_heads: 3 }, 'num_key_value_heads'],
    [{ head_dim: 15 }, 'head_dim'],
    [{ query_pre_attn_scalar: 0 }, 'query_pre_attn_scalar'],
    [{ final_logit_softcapping: -1 }, 'final_logit_softcapping'],
    [{ layer_types: ['full_attention'] }, 'layer_types'],
    [{ rope_parameters: { full_attention: 1 } }, 'rope_parameters.full_attention'],
  ])('reports %j as wrong', (changes, where) => {
    const error = thrownBy(() => parsed({ ...small, ...changes }));
    expect([error.code, ...error.problems.map((problem) => problem.where)]).toEqual(['model/config', where]);
  });
});

describe('the configuration of ModernBERT', () => {
  const parsed = (changes: object) => parseConfig(JSON.stringify({ model_type: 'modernbert', ...changes }));
  const small = { hidden_size: 64, num_attention_heads: 4, num_hidden_layers: 4 };
  const headOf = (changes: object) => familyOf(parsed(changes)).classifier(parsed(changes));

  it("has the defaults of transformers' ModernBertConfig", () => {
    const { attention, ...others } = parsed({});
    expect(others).toMatchObject({
      ...{ hiddenSize: 768, intermediateSize: 1152, layers: 22, vocabSize: 50368, maxPositions: 8192, normEps: 1e-5 },
      ...{ activation: 'gelu', bias: { norm: false, attention: false, mlp: false } },
    });
    const one = { heads: 12, kvHeads: 12, headDim: 64, scale: 1 / 8, causal: false };
    const local = { ...one, window: 65, rope: { theta: 1e4, type: 'default' } };
    const full = { ...one, window: 0, rope: { theta: 160000, type: 'default' } };
    expect(attention.slice(0, 4)).toEqual([full, local, local, full]);
    expect(headName(parsed({}))).toBeNull();
  });

  it('sees half of local_attention on each side, in the layers that have a window', () => {
    const windows = (more: object) => parsed({ ...small, local_attention: 10, ...more }).attention.map(({ window }) => window);
    expect(windows({})).toEqual([0, 6, 6, 0]);
    expect(windows({ global_attn_every_n_layers: 2 })).toEqual([0, 6, 0, 6]);
    const layer_types = ['sliding_attention', 'full_attention', 'full_attention', 'full_attention'];
    expect(windows({ layer_types })).toEqual([6, 0, 0, 0]);
    expect(windows({ max_position_embeddings: 6 })).toEqual([0, 0, 0, 0]);
  });

  it('reads the rotations as transformers 4 and 5 write them', () => {
    const thetas = (more: object) => {
      const { attention } = parsed({ ...small, ...more });
      return [attention[0]?.rope?.theta, attention[1]?.rope?.theta];
    };
    expect(thetas({ global_rope_theta: 8e4, local_rope_theta: 2e4 })).toEqual([8e4, 2e4]);
    const rope_parameters = { full_attention: { rope_theta: 9e4 }, sliding_attention: { rope_theta: 3e4 } };
    expect(thetas({ rope_parameters })).toEqual([9e4, 3e4]);
  });

  it('has the head of the file, or a new one, with the pooling of the file', () => {
    const of = (more: object) => headOf({ ...small, architectures: ['ModernBertForMaskedLM'], ...more });
    expect(of({})).toMatchObject({
      pool: 'first',
      dense: { module: 'head.dense', activation: 'gelu', bias: false, isNew: false },
    });
    expect(of({ classifier_pooling: 'mean' }).pool).toBe('mean');
    expect(of({ architectures: ['ModernBertModel'] }).dense?.isNew).toBe(true);
    const names = (more: object) => weightSpecs(parsed({ ...small, num_hidden_layers: 1, ...more })).map(({ name }) => name);
    expect(names({})).toContain('head.norm.weight');
    expect(names({ architectures: ['ModernBertModel'] }).filter((name) => name.startsWith('head'))).toEqual([]);
    expect(names({}).filter((name) => /bias$/.test(name))).toEqual([]);
    const biased = { norm_bias: true, attention_bias: true, mlp_bias: true, classifier_bias: true };
    expect(names(biased).filter((name) => /bias$/.test(name))).toHaveLength(9);
    expect(names({})).not.toContain('model.layers.0.attn_norm.weight');
  });

  it('starts new layers as transformers does', () => {
    const init = { kind: 'normal', cut: 2 };
    expect(headOf(small)).toMatchObject({
      dense: { init: { ...init, deviation: 0.02 / Math.sqrt(8) } },
      last: { init: { ...init, deviation: 1 / 8 } },
    });
  });

  it.each([
    [{ classifier_pooling: 'max' }, 'classifier_pooling'],
    [{ hidden_activation: 'silu' }, 'hidden_activation'],
    [{ architectures: ['ModernBertForTokenClassification'] }, 'architectures'],
  ])('refuses %j', (changes, where) => {
    const error = thrownBy(() => parsed({ ...small, ...changes }));
    expect([error.code, ...error.problems.map((problem) => problem.where)]).toEqual(['model/unsupported', where]);
  });

  it.each([
    [{ hidden_size: 66 }, 'num_attention_heads'],
    [{ hidden_size: 60 }, 'num_attention_heads'],
    [{ local_attention: 0 }, 'local_attention'],
    [{ layer_types: ['full_attention'] }, 'layer_types'],
  ])('reports %j as wrong', (changes, where) => {
    const error = thrownBy(() => parsed({ ...small, ...changes }));
    expect([error.code, ...error.problems.map((problem) => problem.where)]).toEqual(['model/config', where]);
  });
});

/** From ROPE_INIT_FUNCTIONS of transformers 5 in f64: head size 64, θ 500000, factors 32, 1, 4, context 8192 (Llama 3.2). */
const LLAMA3 = `
  1.000000e+00 6.636013e-01 4.403666e-01 2.922278e-01 1.939228e-01 1.286874e-01 8.539710e-02 5.666962e-02
  3.760603e-02 2.495541e-02 1.656044e-02 1.098953e-02 7.292665e-03 4.839421e-03 3.211446e-03 1.290548e-03
  4.295567e-04 9.708286e-05 1.946164e-05 1.291477e-05 8.570256e-06 5.687232e-06 3.774054e-06 2.504467e-06
  1.661967e-06 1.102884e-06 7.318749e-07 4.856731e-07 3.222933e-07 2.138742e-07 1.419272e-07 9.418306e-08
`
  .trim()
  .split(/\s+/)
  .map(Number);

describe('RoPE', () => {
  it("scales as transformers' llama3 and linear", () => {
    const llama3 = { rope_type: 'llama3', rope_theta: 5e5, factor: 32, low_freq_factor: 1, high_freq_factor: 4 };
    const config = parse({ head_dim: 64, rope_parameters: { ...llama3, original_max_position_embeddings: 8192 } });
    const found = ropeFrequencies(config);
    expect(found.length).toBe(32);
    LLAMA3.forEach((expected, i) => expect((found[i] ?? 0) / expected).toBeCloseTo(1, 5));
    const linear = ropeFrequencies(parse({ head_dim: 64, rope_scaling: { type: 'linear', factor: 4 } }));
    [2.5e-1, 1.874735e-1, 1.405853e-1, 1.054241e-1].forEach((expected, i) => expect(linear[i]).toBeCloseTo(expected, 6));
  });

  it('tabulates cos and sin of position times frequency', () => {
    const config = parse({});
    const { cos, sin } = ropeTables(config, 300);
    const half = config.headDim / 2;
    expect([cos.length, sin.length]).toEqual([300 * half, 300 * half]);
    expect([...cos.slice(0, half)]).toEqual(Array(half).fill(1));
    const angle = 299 * 10000 ** (-2 / 16);
    expect(cos[299 * half + 1]).toBe(Math.fround(Math.cos(angle)));
    expect(sin[299 * half + 1]).toBe(Math.fround(Math.sin(angle)));
  });
});
