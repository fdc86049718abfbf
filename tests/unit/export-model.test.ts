/** The whole model of a run with full fine-tuning as files, compared with PyTorch's weights and with the base's files. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { exportChoices, exportedFiles } from '../../src/export';
import type { CardFacts } from '../../src/export/card';
import type { ExportedFile, TunedTensor } from '../../src/export/types';
import type { NamedTensor } from '../../src/method/parameters';
import { openFolder, type ModelFolder } from '../../src/model/folder';
import type { TensorInfo } from '../../src/formats/safetensors';
import { readHeader } from '../../src/formats/safetensors-read';
import { writeSafetensors } from '../../src/formats/safetensors-write';
import { weightSpecs } from '../../src/model/weights';
import { defaultRecipe, parseRecipe } from '../../src/recipe/recipe';
import { storedParameters } from '../../src/train/records';

const recipe = parseRecipe({ version: 2, method: { kind: 'full' } });
const facts: CardFacts = {
  ...{ name: 'my run', modelName: 'acme/base', datasetName: 'chats.jsonl', examples: 200, step: 75 },
  ...{ baseLoss: 2.5, tunedLoss: 1.25, trainable: 1234, device: 'SwiftShader', recipe },
};

const golden = (path: string) => readFileSync(new URL(`../golden/${path}`, import.meta.url));
const tokenizer = ['tokenizer.json', 'tokenizer_config.json'].map((name) => {
  const bytes = readFileSync(new URL(`fixtures/tokenizers/llama2-like/${name}`, import.meta.url));
  return new File([bytes], name);
});

const open = (name: string, weights: readonly File[] = [new File([golden(`${name}/model.safetensors`)], 'model.safetensors')]) =>
  openFolder([new File([golden(`${name}/config.json`)], 'config.json'), ...tokenizer, ...weights]);

const fileOf = (files: readonly ExportedFile[], name: string): Blob => {
  const found = files.find((file) => file.name === name);
  if (found === undefined) throw new Error(`no ${name} in ${files.map((file) => file.name).join(', ')}`);
  return found.blob;
};

interface Raw extends TensorInfo {
  readonly bytes: Uint8Array<ArrayBuffer>;
}

async function tensorsOf(file: Blob): Promise<ReadonlyMap<string, Raw>> {
  const { tensors } = await readHeader(file, 'a file');
  const read = async (info: TensorInfo): Promise<[string, Raw]> => {
    const bytes = new Uint8Array(await file.slice(info.start, info.end).arrayBuffer());
    return [info.name, { ...info, bytes }];
  };
  return new Map(await Promise.all(tensors.map(read)));
}

/** Numbers of the engine's weights, all different. */
function tuned(base: ModelFolder, settings = recipe): readonly TunedTensor[] {
  return storedParameters(base.config, settings).map((parameter) => {
    const size = parameter.shape.reduce((a, b) => a * b, 1);
    return { ...parameter, data: Float32Array.from({ length: size }, (_, i) => parameter.offset + i) };
  });
}

describe('a model with all weights trained', () => {
  it('has PyTorch’s weights in a file that is otherwise the base’s', async () => {
    const base = await open('llama_full');
    const trained = await tensorsOf(new Blob([golden('llama_full/final/trained.safetensors')]));
    const tensors = [...trained.values()].map(({ name, shape, bytes }): NamedTensor => ({
      name,
      shape,
      data: new Float32Array(bytes.buffer),
    }));
    const files = await exportedFiles('model', { ...facts, base, tensors });
    expect(files.map(({ name }) => name).sort()).toEqual([
      'README.md',
      'config.json',
      'model.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    const written = await tensorsOf(fileOf(files, 'model.safetensors'));
    const before = await tensorsOf(new Blob([golden('llama_full/model.safetensors')]));
    expect([...written.keys()].sort()).toEqual([...before.keys()].sort());
    let replaced = 0;
    for (const [name, { bytes, dtype, shape }] of written) {
      const own = trained.get(name);
      expect({ dtype, shape }).toEqual({ dtype: 'F32', shape: before.get(name)?.shape });
      expect(Buffer.compare(bytes, own?.bytes ?? before.get(name)?.bytes ?? new Uint8Array(0))).toBe(0);
      if (own !== undefined) replaced++;
    }
    expect(replaced).toBe(trained.size);
    const card = await fileOf(files, 'README.md').text();
    for (const part of ['library_name: transformers', '"base_model:finetune:acme/base"', 'Held-out loss, this model | 1.2500'])
      expect(card).toContain(part);
    expect(card).toContain('| `method.kind` | `full` |');
    expect(card).not.toContain('peft');
  });

  it('has Conv1D weights as [in, out], and the first GPT-2 files’ names', async () => {
    const before = await tensorsOf(new Blob([golden('gpt2/model.safetensors')]));
    const short = [...before.values()].map(({ name, dtype, shape, bytes }) => ({
      ...{ name: name.replace('transformer.', ''), dtype, shape, data: bytes },
    }));
    for (const weights of [undefined, [new File([writeSafetensors(short)], 'model.safetensors')]]) {
      const base = await open('gpt2', weights);
      const tensors = tuned(base);
      const written = await tensorsOf(fileOf(await exportedFiles('model', { ...facts, base, tensors }), 'model.safetensors'));
      const prefix = weights === undefined ? 'transformer.' : '';
      const name = 'h.0.attn.c_attn.weight';
      const own = tensors.find((tensor) => tensor.name === `transformer.${name}`);
      const [out = 0, inputs = 0] = own?.shape ?? [];
      expect(own?.transposed).toBe(true);
      const found = written.get(`${prefix}${name}`);
      expect(found?.shape).toEqual([inputs, out]);
      const numbers = new Float32Array(found?.bytes.buffer ?? new ArrayBuffer(0));
      for (const [row, column] of [
        [0, 0],
        [1, 0],
        [0, 1],
        [inputs - 1, out - 1],
        [3, 17],
      ] as const)
        expect(numbers[row * out + column]).toBe(own?.data[column * inputs + row]);
    }
  });
});

describe('a model with some weights trained', () => {
  /** The base in bf16 and in two files. */
  async function shards(): Promise<File[]> {
    const tensors = [...(await tensorsOf(new Blob([golden('llama_full/model.safetensors')]))).values()];
    const halves = tensors.map(({ name, shape, bytes }) => {
      const words = new Uint16Array(bytes.buffer);
      const data = new Uint8Array(Uint16Array.from({ length: words.length / 2 }, (_, i) => words[2 * i + 1] ?? 0).buffer);
      return { name, dtype: 'BF16', shape, data } as const;
    });
    const names = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
    const at = (i: number) => names[i % 2] ?? '';
    const map = Object.fromEntries(halves.map(({ name }, i) => [name, at(i)]));
    const index = { metadata: { total_size: 1, owner: 'acme' }, weight_map: map };
    const files = names.map((file) => new File([writeSafetensors(halves.filter((_, i) => at(i) === file))], file));
    return [...files, new File([JSON.stringify(index)], 'model.safetensors.index.json')];
  }

  it('keeps the other tensors, files and names as they are', async () => {
    const weights = await shards();
    const base = await open('llama_full', weights);
    const settings = parseRecipe({ version: 2, method: { kind: 'full', train: 'last-layers', lastLayers: 1 } });
    const tensors = tuned(base, settings);
    expect(tensors.length).toBeLessThan(weightSpecs(base.config).length);
    const files = await exportedFiles('model', { ...facts, base, tensors });
    let bytes = 0;
    for (const shard of weights.slice(0, 2)) {
      const [before, written] = [await tensorsOf(shard), await tensorsOf(fileOf(files, shard.name))];
      expect([...written.keys()].sort()).toEqual([...before.keys()].sort());
      for (const [name, found] of written) {
        const own = tensors.find((tensor) => tensor.name === name);
        bytes += found.bytes.length;
        expect(found.dtype).toBe(own === undefined ? 'BF16' : 'F32');
        expect(
          Buffer.compare(
            found.bytes,
            own === undefined ? (before.get(name)?.bytes ?? new Uint8Array(0)) : new Uint8Array(own.data.buffer),
          ),
        ).toBe(0);
      }
    }
    const index = JSON.parse(await fileOf(files, 'model.safetensors.index.json').text()) as Record<string, unknown>;
    expect(index['metadata']).toEqual({ total_size: bytes, owner: 'acme' });
    expect(index['weight_map']).toEqual((JSON.parse((await weights[2]?.text()) ?? '') as typeof index)['weight_map']);
    expect(await fileOf(files, 'tokenizer.json').text()).toBe(await tokenizer[0]?.text());
  });

  it('says in config.json that its weights are f32, and nothing else', async () => {
    const text = golden('llama_full/config.json').toString();
    const expected = { ...(JSON.parse(text) as object) };
    for (const [config, key] of [
      [text.replace(/"(torch_)?dtype": "\w+"/, '"dtype": "bfloat16"'), 'dtype'],
      [text.replace(/"(torch_)?dtype": "\w+"/, '"torch_dtype": "float16"'), 'torch_dtype'],
      [text.replace(/\s*"(torch_)?dtype": "\w+",?/, ''), 'torch_dtype'],
    ] as const) {
      const base = await openFolder([
        new File([config], 'config.json'),
        ...tokenizer,
        new File([golden('llama_full/model.safetensors')], 'model.safetensors'),
      ]);
      const files = await exportedFiles('model', { ...facts, base, tensors: tuned(base) });
      const { dtype: _, torch_dtype: __, ...others } = expected as Record<string, unknown>;
      expect(JSON.parse(await fileOf(files, 'config.json').text())).toEqual({ ...others, [key]: 'float32' });
    }
  });
});

describe('the kinds of export of a run', () => {
  it('are the adapter for LoRA', () => {
    const choices = exportChoices({ ...facts, recipe: defaultRecipe(), base: null });
    expect(choices.map(({ kind, blocker }) => [kind, blocker === null])).toEqual([
      ['peft', true],
      ['model', false],
    ]);
  });

  it('are the whole model for full fine-tuning, which needs the base’s files', async () => {
    const blockers = exportChoices({ ...facts, base: null }).map(({ blocker }) => blocker);
    expect(blockers[0]).toContain('Save the whole model.');
    expect(blockers[1]).toMatch(/^The files of acme\/base are not open\. Choose acme\/base in the Model stage/);
    await expect(exportedFiles('model', { ...facts, base: null, tensors: [] })).rejects.toThrow('are not open');
    const base = await open('llama_full');
    expect(exportChoices({ ...facts, base }).find(({ kind }) => kind === 'model')?.blocker).toBeNull();
  });
});
