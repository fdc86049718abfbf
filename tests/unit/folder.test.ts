/** Opening models from files, and the errors for incomplete or invalid ones. */

import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { CodedError } from '../../src/core/errors';
import { fetchFiles, openFolder, openWeights } from '../../src/model/folder';
import type { TensorData } from '../../src/formats/safetensors-write';
import { readHeader } from '../../src/formats/safetensors-read';
import { checkWrites } from '../../src/model/writes';
import { needShared, sharedUrl } from '../shared';
import { CONFIG, filesOf, smallModel, tensorsOf, text, weights } from './files';

const golden = (name: string) => filesOf(new URL(`../golden/${name}/`, import.meta.url));

async function failure(opening: Promise<unknown>): Promise<CodedError> {
  const error = await opening.then(
    () => 'it opened',
    (thrown: unknown) => thrown,
  );
  if (error instanceof CodedError) return error;
  throw new Error(`expected a coded error, got ${String(error)}`);
}

const without = (name: string) => smallModel().filter((file) => file.name !== name);
const replaced = (file: File) => [...without(file.name), file];
const where = (error: CodedError) => error.problems.map((p) => p.where);

describe('openFolder', () => {
  it('opens a model that cannot continue a text: it can be trained as a classifier', async () => {
    const { config, view } = await openFolder(smallModel({ architectures: ['LlamaForSequenceClassification'] }));
    expect(view.family).toBe('llama');
    expect(() => checkWrites(config)).toThrow(/\(llama\) reads texts but can't continue them\. Choose a language model/);
  });

  it('gives the facts of a model', async () => {
    const { view, config } = await openFolder(smallModel().map((file) => new File([file], `tiny/${file.name}`)));
    expect(view).toMatchObject({ name: 'tiny', family: 'llama', layers: 1, width: 8, vocabulary: 5, context: 64, dtype: 'F32' });
    // Embedding 5·8, q and o 8·8, k and v 4·8, gate, up and down 8·12, three norms of 8.
    expect(view.parameters).toBe(40 + 2 * 64 + 2 * 32 + 3 * 96 + 3 * 8);
    expect(view.targets).toContain('down_proj');
    expect([view.cached, view.hasChatTemplate, config.modelType]).toEqual([false, false, 'llama']);
  });

  it('opens the outermost folder with a config.json', async () => {
    const nested = [...smallModel().map((file) => new File([file], `a/b/${file.name}`)), text('a/b/onnx/config.json', '{}')];
    const { view, files } = await openFolder(nested);
    expect(view.name).toBe('b');
    expect(files.map((file) => file.name).sort()).toEqual(['config.json', 'model.safetensors', 'tokenizer.json']);
  });

  it('finds the chat template in its own file or in the tokenizer configuration', async () => {
    const has = async (...files: File[]) => (await openFolder([...smallModel(), ...files])).view.hasChatTemplate;
    expect(await has(text('chat_template.jinja', '{{ x }}'))).toBe(true);
    expect(await has(text('tokenizer_config.json', { chat_template: '{{ x }}' }))).toBe(true);
    expect(await has(text('tokenizer_config.json', { chat_template: [{ name: 'default', template: 'x' }] }))).toBe(true);
    expect(await has(text('tokenizer_config.json', {}))).toBe(false);
  });

  it('reports all missing files, and unsupported ones found instead', async () => {
    const error = await failure(openFolder([text('pytorch_model.bin', ''), text('tokenizer.model', '')]));
    expect(error.code).toBe('model/files');
    expect(where(error)).toEqual(['config.json', 'model.safetensors', 'tokenizer.json']);
    expect(error.message).toMatch(/pytorch_model.bin is not supported.*tokenizer.model is not supported/);
    expect((await failure(openFolder([]))).code).toBe('model/files');
  });

  it.each(['config.json', 'model.safetensors', 'tokenizer.json'])('reports a missing %s', async (name) => {
    expect(where(await failure(openFolder(without(name))))).toEqual([name]);
  });

  it('reports an unsupported family before missing files', async () => {
    const error = await failure(openFolder([text('config.json', { model_type: 'mamba' })]));
    expect(error.code).toBe('model/unsupported');
    expect(error.message).toContain('"mamba"');
  });

  it('refuses two models at once', async () => {
    const two = ['a', 'b'].flatMap((folder) => smallModel().map((file) => new File([file], `${folder}/${file.name}`)));
    expect((await failure(openFolder(two))).message).toContain('found 2 times (a, b)');
  });

  it('refuses broken tokenizer files', async () => {
    const error = await failure(openFolder([...replaced(text('tokenizer.json', '{')), text('tokenizer_config.json', 'x')]));
    expect([error.code, ...where(error)]).toEqual(['model/files', 'tokenizer.json', 'tokenizer_config.json']);
  });

  it('reports all bad tensors', async () => {
    const [embed, ...rest] = tensorsOf();
    const changed = rest.slice(1).map((t) => (t.name.endsWith('k_proj.weight') ? { ...t, shape: [8, 4] } : t));
    const wide = { ...embed, name: 'model.embed_tokens.weight', dtype: 'F64', shape: [5, 8], data: new Uint8Array(320) } as const;
    const error = await failure(openFolder(replaced(weights('model.safetensors', [wide, ...changed]))));
    expect(error.code).toBe('model/weights');
    expect(error.problems.map((p) => `${p.where} ${p.message}`)).toEqual([
      'model.embed_tokens.weight has the type F64; supported are F32, F16 and BF16',
      'model.layers.0.input_layernorm.weight is missing',
      'model.layers.0.self_attn.k_proj.weight has the shape [8, 4], config.json requires [4, 8]',
    ]);
  });

  it.each(['F8_E4M3', 'F8_E5M2', 'F8_E4M3FNUZ', 'F8_E5M2FNUZ', 'I8'] as const)(
    'refuses %s weights as not supported, not as damaged',
    async (dtype) => {
      const narrow = tensorsOf().map((t) => {
        const size = t.shape.reduce((a, b) => a * b, 1);
        return t.shape.length > 1 ? { ...t, dtype, data: new Uint8Array(size) } : t;
      });
      const error = await failure(openFolder(replaced(weights('model.safetensors', narrow))));
      expect(error.code).toBe('model/unsupported');
      expect(where(error)).toEqual(tensorsOf().flatMap((t) => (t.shape.length > 1 ? [t.name] : [])));
      expect(error.message).toContain(`has the type ${dtype}; supported are F32, F16 and BF16`);
      expect(error.message).toContain('The file is not damaged');
    },
  );

  it('ignores tensors that the model does not use', async () => {
    const extra = {
      name: 'model.layers.0.self_attn.rotary_emb.inv_freq',
      dtype: 'I64',
      shape: [1],
      data: new Uint8Array(8),
    } as const;
    const { tensors } = await openFolder(replaced(weights('model.safetensors', [...tensorsOf(), extra])));
    expect(tensors.has(extra.name)).toBe(false);
  });

  it('reports a file that can no longer be read', async () => {
    const gone = new File([''], 'tokenizer.json');
    gone.text = () => Promise.reject(new DOMException('moved', 'NotReadableError'));
    expect((await failure(openFolder(replaced(gone)))).message).toContain('tokenizer.json can no longer be read');
  });
});

describe('shards', () => {
  const all = tensorsOf();
  const [first, second] = [all.slice(0, 3), all.slice(3)];
  const shard = ['model-1.safetensors', 'model-2.safetensors'] as const;
  const map = {
    ...Object.fromEntries(first.map((t) => [t.name, shard[0]])),
    ...Object.fromEntries(second.map((t) => [t.name, shard[1]])),
  };
  const rest = [text('config.json', CONFIG), text('tokenizer.json', '{}')];
  const index = (weight_map: object) => text('model.safetensors.index.json', { metadata: {}, weight_map });

  it('are found by the index', async () => {
    const sharded = await openFolder([...rest, index(map), weights(shard[0], first), weights(shard[1], second)]);
    const single = await openFolder(smallModel());
    expect([...sharded.tensors.keys()]).toEqual([...single.tensors.keys()]);
    expect(sharded.view.parameters).toBe(single.view.parameters);
    expect(sharded.files.map((file) => file.name)).toEqual(expect.arrayContaining([...shard, 'model.safetensors.index.json']));
  });

  it('are all reported when missing', async () => {
    expect(where(await failure(openFolder([...rest, index(map)])))).toEqual([...shard]);
  });

  it('must agree with the index and not repeat tensors', async () => {
    const repeated = [...second, ...first.slice(0, 1)];
    const error = await failure(
      openFolder([...rest, index(map), weights(shard[0], first.slice(0, 2)), weights(shard[1], repeated)]),
    );
    expect(error.message).toContain('is not in model-1.safetensors, as the index says');
    expect(error.message).toContain('is in model-1.safetensors and in model-2.safetensors');
  });

  it.each(['{', '[]', '{"weight_map":{}}', '{"weight_map":{"a":1}}', 'null'])('refuse the index %s', async (content) => {
    const error = await failure(openFolder([...rest, text('model.safetensors.index.json', content)]));
    expect([error.code, ...where(error)]).toEqual(['model/files', 'model.safetensors.index.json']);
  });

  it('report the bad headers of all shards together', async () => {
    const broken = shard.map((name) => new File(['12345678{'], name));
    expect(where(await failure(openFolder([...rest, index(map), ...broken])))).toEqual([...shard]);
  });
});

describe('the id', () => {
  it('is the same for a model in any folder', async () => {
    const plain = await openFolder(smallModel());
    const nested = await openFolder(smallModel().map((file) => new File([file], `x/${file.name}`)));
    expect(nested.id).toBe(plain.id);
    expect(plain.id).toMatch(/^[0-9a-f]{64}$/);
  });

  it('depends on the configuration, and on weights with equal headers', async () => {
    const ids = new Set([(await openFolder(smallModel())).id]);
    ids.add((await openFolder(replaced(text('config.json', { ...CONFIG, rope_theta: 2 })))).id);
    for (const tensor of tensorsOf()) {
      const changed = tensorsOf().map((t) => (t.name === tensor.name ? { ...t, data: t.data.map(() => 1) } : t));
      ids.add((await openFolder(replaced(weights('model.safetensors', changed)))).id);
    }
    expect(ids.size).toBe(2 + tensorsOf().length);
  });
});

describe('real folders', () => {
  it.each(['llama_gqa', 'llama_rslora_untied', 'qwen2', 'qwen3'])('golden %s opens without a tokenizer', async (name) => {
    const { tensors, config } = await openWeights(golden(name));
    expect(tensors.size).toBeGreaterThan(10);
    expect(config.vocabSize).toBe(96);
    expect(where(await failure(openFolder(golden(name))))).toEqual(['tokenizer.json']);
  });

  /** The golden model with tensors under other names, and further ones. */
  async function renamed(name: string, rename: (tensor: string) => string, more: readonly TensorData[] = []) {
    const files = golden(name);
    const file = files.find((one) => one.name === 'model.safetensors') ?? new File([], '');
    const { tensors } = await readHeader(file, name);
    const changed = tensors.map(async ({ name: tensor, dtype, shape, start, end }): Promise<TensorData> => {
      const data = new Uint8Array(await file.slice(start, end).arrayBuffer());
      return { name: rename(tensor), dtype, shape, data };
    });
    const others = files.filter((one) => one !== file);
    return openWeights([...others, weights('model.safetensors', [...(await Promise.all(changed)), ...more])]);
  }

  const buffer = (name: string): TensorData => ({ name, dtype: 'F32', shape: [1, 1, 2, 2], data: new Uint8Array(16) });

  // The first file of GPT-2 on the hub, those of DistilGPT-2, of BERT-base, and of bare models.
  it.each([
    ['gpt2', (name: string) => name.replace(/^transformer\./, ''), [buffer('h.0.attn.bias'), buffer('h.0.attn.masked_bias')]],
    ['gpt2', (name: string) => name, [buffer('transformer.h.0.attn.bias'), buffer('transformer.h.1.attn.masked_bias')]],
    ['bert_seqcls', (name: string) => name.replace('Norm.weight', 'Norm.gamma').replace('Norm.bias', 'Norm.beta'), []],
    [
      'bert_seqcls',
      (name: string) =>
        name
          .replace(/^bert\./, '')
          .replace('Norm.weight', 'Norm.gamma')
          .replace('Norm.bias', 'Norm.beta'),
      [],
    ],
    ['distilbert_seqcls', (name: string) => name.replace(/^distilbert\./, ''), []],
    ['modernbert_cls', (name: string) => name.replace(/^model\./, ''), []],
  ] as const)('golden %s has the same tensors under the names of files on the hub', async (name, rename, more) => {
    const plain = await openWeights(golden(name));
    const { tensors } = await renamed(name, rename, more);
    expect([...tensors.keys()]).toEqual([...plain.tensors.keys()]);
    for (const [key, tensor] of plain.tensors) {
      const found = tensors.get(key);
      expect(found?.shape, key).toEqual(tensor.shape);
      expect(new Uint8Array((await found?.read(0, 1e9)) ?? []), key).toEqual(new Uint8Array(await tensor.read(0, 1e9)));
    }
  });

  it('the starter model opens', async () => {
    const { view } = await openFolder(filesOf(new URL('../../public/models/starter/', import.meta.url)), { name: 'starter' });
    expect(view).toMatchObject({
      name: 'starter',
      family: 'llama',
      dtype: 'F16',
      vocabulary: 4096,
      hasChatTemplate: true,
      writes: true,
    });
  });

  it('the starter encoder opens, which writes no text', async () => {
    const files = filesOf(new URL('../../public/models/starter-encoder/', import.meta.url));
    expect((await openFolder(files, { name: 'encoder' })).view.writes).toBe(false);
  });

  it('stories260K opens', async (context) => {
    needShared(context, 'data/stories260K');
    const { view } = await openFolder(filesOf(sharedUrl('data/stories260K/'), 'stories260K/'));
    expect(view).toMatchObject({ name: 'stories260K', layers: 5, width: 64, parameters: 260_032 });
  });
});

describe("files of a model on the page's host", () => {
  function answer(...answers: readonly (Response | Error)[]) {
    const left = [...answers];
    const fetched = vi.fn(() => {
      const next = left.shift() ?? new Error('no answer is left');
      return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
    });
    vi.stubGlobal('fetch', fetched);
    onTestFinished(() => void vi.unstubAllGlobals());
    return fetched;
  }

  it('are asked for again, without the cache, when the first request fails', async () => {
    const fetched = answer(new TypeError('Failed to fetch'), new Response('{}'));
    const [file] = await fetchFiles('http://host/model/', ['config.json']);
    expect(await file?.text()).toBe('{}');
    expect(fetched.mock.calls).toEqual([
      [new URL('http://host/model/config.json'), {}],
      [new URL('http://host/model/config.json'), { cache: 'no-store' }],
    ]);
  });

  it('are refused by name when both requests fail, or the host has none', async () => {
    answer(new TypeError('Failed to fetch'), new TypeError('Failed to fetch'));
    expect((await failure(fetchFiles('http://host/', ['config.json']))).message).toContain('config.json: Failed to fetch');
    answer(new Response('', { status: 404, statusText: 'Not Found' }));
    expect((await failure(fetchFiles('http://host/', ['config.json']))).message).toContain('config.json: 404 Not Found');
  });
});
