/** GGUF files of adapters and merged models. `npm run interop` compares them with gguf-py and runs them in llama.cpp. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { smallTokenizers, tinyTokenizer, withAllMerges } from '../../scripts/interop/small-tokenizers';
import { exportChoices, exportedFiles, type ExportKind } from '../../src/export';
import { readTokenizer } from '../../src/export/gguf-tokenizer';
import { readPeft } from '../../src/export/read-peft';
import type { Tuned, TunedTensor } from '../../src/export/types';
import { openFolder } from '../../src/model/folder';
import { defaultMethod } from '../../src/recipe/methods';
import { parseRecipe } from '../../src/recipe/recipe';
import type { TokenizerFiles } from '../../src/tokenizer/types';
import { readGguf, type ReadGguf } from './gguf-read';
import { filesOf, type TokenizerName } from './tokenizer-files';

const golden = (path: string) => readFileSync(new URL(`../golden/${path}`, import.meta.url));
const LORA_CASES = ['llama_gqa', 'llama_rslora_untied', 'llama_patterns', 'mistral_window', 'qwen2', 'qwen3', 'gpt2', 'phi3'];

/** The base of a case; `changes` of its configuration. */
function open(name: string, changes: object = {}) {
  const config = { ...(JSON.parse(golden(`${name}/config.json`).toString()) as object), ...changes };
  const files = [
    new File([JSON.stringify(config)], 'config.json'),
    new File([golden(`${name}/model.safetensors`)], 'model.safetensors'),
  ];
  return openFolder([...files, ...tinyTokenizer()], { name: 'base' });
}

const FACTS = {
  ...{ name: 'my run', modelName: 'acme/base', datasetName: 'mails.csv', examples: 2, step: 3, baseLoss: null, tunedLoss: null },
  ...{ trainable: 1, device: 'none' },
};

async function runOf(name: string, changes: object = {}): Promise<Tuned> {
  const weights = new Blob([golden(`${name}/final/adapter_model.safetensors`)]);
  const { method, tensors } = await readPeft(golden(`${name}/final/adapter_config.json`).toString(), weights);
  return {
    ...FACTS,
    base: await open(name, changes),
    tensors,
    recipe: parseRecipe({ version: 2, method, objective: { kind: 'sft' } }),
  };
}

async function exported(kind: ExportKind, run: Tuned): Promise<{ readonly names: readonly string[]; readonly gguf: ReadGguf }> {
  const files = await exportedFiles(kind, run);
  return { names: files.map(({ name }) => name), gguf: readGguf(await (files[0]?.blob ?? new Blob()).arrayBuffer()) };
}

const find = (run: Tuned, name: string): TunedTensor => {
  const found = run.tensors.find((tensor) => tensor.name === name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
};

describe('a merged model', () => {
  it.each([
    ['gguf-f16', 'F16', 1],
    ['gguf-q8_0', 'Q8_0', 7],
    ['gguf-q4_0', 'Q4_0', 2],
  ] as const)('%s has matrices of its type, and vectors in F32', async (kind, type, fileType) => {
    const { names, gguf } = await exported(kind, await runOf('llama_gqa'));
    expect(names).toEqual([`model-${type.toLowerCase()}.gguf`, 'Modelfile']);
    expect(gguf.pairs).toMatchObject({
      ...{ 'general.architecture': 'llama', 'general.type': 'model', 'general.file_type': fileType },
      ...{ 'llama.block_count': 2, 'llama.attention.head_count_kv': 2, 'llama.rope.freq_base': 10000 },
      ...{ 'tokenizer.ggml.model': 'gpt2', 'tokenizer.ggml.pre': 'gpt-2', 'tokenizer.ggml.eos_token_id': 0 },
    });
    expect(gguf.tensors['blk.0.attn_q.weight']?.type).toBe(type);
    expect(gguf.tensors['token_embd.weight']?.type).toBe(type === 'Q4_0' ? 'Q8_0' : type);
    expect(gguf.tensors['blk.1.ffn_norm.weight']).toMatchObject({ type: 'F32', shape: [64] });
    // The head is the embedding.
    expect(gguf.tensors).not.toHaveProperty('output.weight');
  });

  it('has the adapter in its weights, whose rows of q are interleaved', async () => {
    const run = await runOf('llama_gqa');
    const { gguf } = await exported('gguf-f16', run);
    const module = 'model.layers.1.self_attn.q_proj';
    const [a, b] = [find(run, `${module}.lora_A.weight`), find(run, `${module}.lora_B.weight`)];
    const bytes = await run.base?.tensors.get(`${module}.weight`)?.read(0, 64 * 64 * 4);
    const base = new Float32Array(bytes ?? new ArrayBuffer(0));
    const found = gguf.tensors['blk.1.attn_q.weight']?.values ?? [];
    for (let row = 0; row < 64; row++) {
      // Heads of 16 rows: row 2j of the file is row j, row 2j + 1 is row 8 + j.
      const from = row - (row % 16) + (row % 2) * 8 + ((row % 16) >> 1);
      for (let column = 0; column < 64; column++) {
        let update = 0;
        for (let r = 0; r < 4; r++) update += 2 * (b.data[from * 4 + r] ?? 0) * (a.data[r * 64 + column] ?? 0);
        expect(Math.abs((found[row * 64 + column] ?? NaN) - (base[from * 64 + column] ?? NaN) - update)).toBeLessThan(2e-4);
      }
    }
  });

  it('falls back to F16 where rows are not whole blocks', async () => {
    const { gguf } = await exported('gguf-q4_0', await runOf('gpt2'));
    expect(gguf.tensors['blk.0.attn_qkv.weight']).toMatchObject({ type: 'F16', shape: [144, 48] });
    expect(gguf.tensors['position_embd.weight']?.type).toBe('F32');
  });

  it('has the divisors of Llama 3’s rotation', async () => {
    const scaling = {
      rope_type: 'llama3',
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 64,
    };
    const { gguf } = await exported('gguf-f16', await runOf('llama_gqa', { rope_parameters: { rope_theta: 10000, ...scaling } }));
    const divisors = [...(gguf.tensors['rope_freqs.weight']?.values ?? [])];
    expect(divisors).toHaveLength(8);
    expect([divisors[0], divisors.at(-1)]).toEqual([1, 8]);
    expect(divisors.every((value, i) => value >= (divisors[i - 1] ?? 0))).toBe(true);
  });

  it('says how long a text can be where llama.cpp has no window', async () => {
    const { gguf } = await exported('gguf-f16', await runOf('mistral_window'));
    expect(gguf.pairs['llama.context_length']).toBe(7);
  });

  it('refuses numbers that f16 cannot hold', async () => {
    const run = await runOf('llama_gqa');
    const tensors = run.tensors.map((tensor) => ({ ...tensor, data: tensor.data.map((x) => x * 1e4) }));
    await expect(exportedFiles('gguf-q8_0', { ...run, tensors })).rejects.toThrow(/attn_q.weight has numbers beyond 65504/);
  });
});

describe('an adapter', () => {
  it.each(LORA_CASES)('of %s has the factors by llama.cpp’s names', async (name) => {
    const run = await runOf(name);
    const { gguf } = await exported('gguf-adapter', run);
    expect(gguf.pairs).toMatchObject({ 'general.type': 'adapter', 'adapter.type': 'lora' });
    expect(Object.keys(gguf.tensors)).toHaveLength(run.tensors.length);
    for (const key of Object.keys(gguf.tensors)) expect(key).toMatch(/^blk\.\d\.(attn|ffn)_\w+\.weight\.lora_[ab]$/);
  });

  it('states alpha, which llama.cpp divides by the rank', async () => {
    const { gguf } = await exported('gguf-adapter', await runOf('qwen2'));
    expect(gguf.pairs['adapter.lora.alpha']).toBe(16);
  });

  it('has B times the scale, and alpha 0, where the scale is another one', async () => {
    const run = await runOf('llama_rslora_untied');
    const { gguf } = await exported('gguf-adapter', run);
    expect(gguf.pairs['adapter.lora.alpha']).toBe(0);
    const name = 'model.layers.0.self_attn.v_proj.lora_B.weight';
    const expected = find(run, name).data.map((x) => x * (16 / Math.sqrt(8)));
    expect(gguf.tensors['blk.0.attn_v.weight.lora_b']?.values).toEqual(expected);
  });
});

describe('what cannot be a GGUF file', () => {
  const blockers = (run: Tuned) => Object.fromEntries(exportChoices(run).map(({ kind, blocker }) => [kind, blocker]));

  it.each([
    ['llama_dora', 'llama.cpp has no DoRA adapters'],
    ['llama_ia3', 'llama.cpp has no IA³ adapters'],
    ['llama_modules_to_save', 'trained weights of the model beside its adapter'],
  ])('%s has no adapter, but a merged model', async (name, reason) => {
    const found = blockers(await runOf(name));
    expect(found['gguf-adapter']).toContain(reason);
    expect(found['gguf-q8_0']).toBeNull();
  });

  it('is a run without the files of its base', async () => {
    const found = blockers({ ...(await runOf('qwen2')), base: null });
    for (const kind of ['gguf-f16', 'gguf-adapter']) expect(found[kind]).toContain('The files of acme/base are not open');
  });

  it('is a classifier', async () => {
    const run = await runOf('qwen2');
    const recipe = parseRecipe({ version: 2, method: defaultMethod('lora'), objective: { kind: 'classify' } });
    for (const kind of ['gguf-f16', 'gguf-adapter'] as const) expect(blockers({ ...run, recipe })[kind]).toContain('classifiers');
  });

  it('is a GPT-2 with another activation or scale', async () => {
    const other = blockers(await runOf('gpt2', { activation_function: 'relu' }));
    expect(other['gguf-f16']).toContain('the activation gelu_new, not relu');
    expect(blockers(await runOf('gpt2', { scale_attn_by_inverse_layer_idx: true }))['gguf-adapter']).toContain('a scale');
  });
});

describe('a tokenizer', () => {
  const read = (name: TokenizerName, size = 5000) => readTokenizer(filesOf(name), size);
  const pairsOf = (files: TokenizerFiles, size = 5000) => {
    const found = readTokenizer(files, size);
    if (typeof found === 'string') throw new Error(found);
    return Object.fromEntries(found.pairs.map(([key, { value }]) => [key.replace('tokenizer.ggml.', ''), value]));
  };

  it('has its tokens, their types and what the embedding has besides', () => {
    const { tokens, token_type: types, pre, merges, ...others } = pairsOf(filesOf('starter'), 4100);
    expect((tokens as string[]).slice(0, 3)).toEqual(['<|endoftext|>', '<|im_start|>', '<|im_end|>']);
    expect((tokens as string[]).slice(-2)).toEqual(['[PAD4098]', '[PAD4099]']);
    expect([(types as number[])[1], (types as number[])[500], (types as number[])[4099]]).toEqual([3, 1, 5]);
    expect([pre, (merges as string[]).length]).toEqual(['gpt-2', 3836]);
    expect(others).toMatchObject({
      bos_token_id: 0,
      eos_token_id: 2,
      eot_token_id: 0,
      padding_token_id: 3,
      add_eos_token: false,
    });
  });

  it('has the name of its split', () => {
    expect(pairsOf(filesOf('gpt2-like'))['pre']).toBe('gpt-2');
    expect(pairsOf(filesOf('qwen-like'))['pre']).toBe('qwen2');
  });

  it('has scores where tokenizer.json determines them', async () => {
    const like = smallTokenizers().find(({ name }) => name === 'llama2-like');
    const [json, config] = await Promise.all((like?.files ?? []).map((file) => file.text()));
    const files = { ...filesOf('llama2-like'), tokenizerJson: json ?? '', tokenizerConfig: config ?? '' };
    const { model, scores, token_type: types, tokens, add_space_prefix: prefix } = pairsOf(files);
    expect([model, prefix]).toEqual(['llama', true]);
    const scoreOf = (token: string) => (scores as number[])[(tokens as string[]).indexOf(token)] ?? NaN;
    const merges = (JSON.parse(files.tokenizerJson) as { model: { merges: [string, string][] } }).model.merges.map((pair) =>
      pair.join(''),
    );
    const order = [...new Set(merges)].map(scoreOf);
    expect(order.every((score, i) => i === 0 || score < (order[i - 1] ?? 0))).toBe(true);
    expect([(types as number[])[0], (types as number[])[1], (types as number[])[(tokens as string[]).indexOf('<0x0A>')]]).toEqual(
      [2, 3, 6],
    );
  });

  it('is refused where llama.cpp would join other tokens', () => {
    expect(read('llama2-like')).toContain('only in tokenizer.model');
    const files = filesOf('llama2-like');
    const json = withAllMerges(JSON.parse(files.tokenizerJson) as Parameters<typeof withAllMerges>[0]);
    const [first, ...rest] = json.model.merges;
    const merges = [...rest, ...(first === undefined ? [] : [first])];
    const swapped = JSON.stringify({ ...json, model: { ...json.model, merges: [...merges, ...json.model.merges.slice(1, 2)] } });
    expect(readTokenizer({ ...files, tokenizerJson: swapped }, 5000)).toContain('are not side by side');
  });

  it.each([
    ['unigram', 'it is a Unigram tokenizer'],
    ['wordpiece', 'it is a WordPiece tokenizer'],
  ] as const)('of the kind %s is refused', (name, reason) => {
    expect(read(name)).toContain(reason);
  });

  it('is refused when it splits texts in an unknown way, or has more tokens than the embedding', () => {
    const files = filesOf('gpt2-like');
    const tokenizerJson = JSON.stringify({
      ...(JSON.parse(files.tokenizerJson) as object),
      pre_tokenizer: { type: 'Whitespace' },
    });
    expect(readTokenizer({ ...files, tokenizerJson }, 5000)).toContain('it splits texts in another way');
    expect(read('gpt2-like', 100)).toContain('has only 100 rows');
  });
});
