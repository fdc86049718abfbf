/** The whole model of a run as files, compared with PyTorch's weights and with the base's files. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { bf16ToF32, f16ToF32 } from '../../src/core/f16';
import { exportChoices, exportedFiles } from '../../src/export';
import { mergedTensors } from '../../src/export/merge';
import { writeWeights } from '../../src/export/merged';
import { BlobSink } from '../../src/export/write';
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
    const files = await exportedFiles('merged', { ...facts, base, tensors });
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

  it('has Conv1D weights as [in, out], and full names also where the files of the base have short ones', async () => {
    const before = await tensorsOf(new Blob([golden('gpt2/model.safetensors')]));
    const short = [...before.values()].map(({ name, dtype, shape, bytes }) => ({
      ...{ name: name.replace('transformer.', ''), dtype, shape, data: bytes },
    }));
    for (const weights of [undefined, [new File([writeSafetensors(short)], 'model.safetensors')]]) {
      const base = await open('gpt2', weights);
      const tensors = tuned(base);
      const written = await tensorsOf(fileOf(await exportedFiles('merged', { ...facts, base, tensors }), 'model.safetensors'));
      const name = 'transformer.h.0.attn.c_attn.weight';
      const own = tensors.find((tensor) => tensor.name === name);
      const [out = 0, inputs = 0] = own?.shape ?? [];
      expect(own?.transposed).toBe(true);
      const found = written.get(name);
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

  it.each(['F32', 'BF16', 'F16'] as const)('has all weights as %s, those of the base without a change', async (weightType) => {
    const weights = await shards();
    const base = await open('llama_full', weights);
    const settings = parseRecipe({ version: 2, method: { kind: 'full', train: 'last-layers', lastLayers: 1 } });
    const tensors = tuned(base, settings).map((tensor) => ({ ...tensor, data: tensor.data.map((x) => x / 4096) }));
    expect(tensors.length).toBeLessThan(weightSpecs(base.config).length);
    const files = await exportedFiles('merged', { ...facts, base, tensors }, { weightType });
    const written = await tensorsOf(fileOf(files, 'model.safetensors'));
    const shardsRead = await Promise.all(weights.slice(0, 2).map(tensorsOf));
    const before = new Map(shardsRead.flatMap((one) => [...one]));
    expect([...written.keys()].sort()).toEqual([...before.keys()].sort());
    const decoded = {
      F32: (b: ArrayBuffer) => new Float32Array(b),
      BF16: (b: ArrayBuffer) => bf16ToF32(new Uint16Array(b)),
      F16: (b: ArrayBuffer) => f16ToF32(new Uint16Array(b)),
    }[weightType];
    const precision = { F32: 0, BF16: 2 ** -8, F16: 2 ** -10 }[weightType];
    for (const [name, found] of written) {
      const own =
        tensors.find((tensor) => tensor.name === name)?.data ??
        bf16ToF32(new Uint16Array((before.get(name)?.bytes ?? new Uint8Array()).buffer));
      expect(found.dtype).toBe(weightType);
      const numbers = decoded(found.bytes.buffer);
      expect(numbers.length).toBe(own.length);
      const far = numbers.findIndex(
        (x, i) =>
          Math.abs(x - (own[i] ?? NaN)) > Math.max(precision * Math.abs(own[i] ?? 0), weightType === 'F16' ? 2 ** -24 : 0),
      );
      expect([name, far]).toEqual([name, -1]);
    }
    const types = { F32: 'float32', BF16: 'bfloat16', F16: 'float16' };
    expect(await fileOf(files, 'config.json').text()).toContain(`"${types[weightType]}"`);
    expect(await fileOf(files, 'tokenizer.json').text()).toBe(await tokenizer[0]?.text());
  });

  it('refuses numbers that f16 does not have', async () => {
    const base = await open('llama_full');
    const tensors = tuned(base).map((tensor) => ({ ...tensor, data: tensor.data.map(() => 70_000) }));
    const refused = exportedFiles('merged', { ...facts, base, tensors }, { weightType: 'F16' });
    await expect(refused).rejects.toThrow('has a number above 65,504');
  });

  it('is in several files with an index if it is large', async () => {
    const base = await open('llama_full');
    const merged = mergedTensors({ ...facts, base, tensors: tuned(base) }, base);
    const sink = new BlobSink();
    await writeWeights(merged, 'BF16', sink, 10_000);
    const index = JSON.parse(await fileOf(sink.files, 'model.safetensors.index.json').text()) as {
      metadata: object;
      weight_map: Record<string, string>;
    };
    const files = sink.files.filter(({ name }) => name.endsWith('.safetensors'));
    expect(files.length).toBeGreaterThan(2);
    const read = await Promise.all(files.map(async ({ name, blob }) => [name, await tensorsOf(blob)] as const));
    expect(index.weight_map).toEqual(
      Object.fromEntries(read.flatMap(([file, own]) => [...own.keys()].map((name) => [name, file]))),
    );
    const total = read.flatMap(([, own]) => [...own.values()]).reduce((sum, { bytes }) => sum + bytes.length, 0);
    expect(index.metadata).toEqual({ total_size: total });
    expect(Object.keys(index.weight_map).sort()).toEqual(merged.map(({ name }) => name).sort());
  });

  it('says in config.json that its weights are f32, and the base of positions for older programs, and nothing else', async () => {
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
      const files = await exportedFiles('merged', { ...facts, base, tensors: tuned(base) });
      const { dtype: _, torch_dtype: __, ...others } = expected as Record<string, unknown>;
      const { rope_theta: theta } = others['rope_parameters'] as { rope_theta: number };
      expect(JSON.parse(await fileOf(files, 'config.json').text())).toEqual({ ...others, [key]: 'float32', rope_theta: theta });
    }
  });
});

describe('the kinds of export of a run', () => {
  it('are an adapter for LoRA, and what needs the base’s files where they are open', () => {
    const choices = exportChoices({ ...facts, recipe: defaultRecipe(), base: null });
    expect(choices.flatMap(({ kind, blocker }) => (blocker === null ? [kind] : []))).toEqual(['peft', 'mlx', 'report']);
  });

  it('are the whole model for full fine-tuning, which needs the base’s files', async () => {
    const blockers = new Map(exportChoices({ ...facts, base: null }).map(({ kind, blocker }) => [kind, blocker]));
    expect(blockers.get('peft')).toContain('Save the merged weights.');
    expect(blockers.get('merged')).toMatch(/^The files of acme\/base are not open\. Choose acme\/base in the Model stage/);
    await expect(exportedFiles('merged', { ...facts, base: null, tensors: [] })).rejects.toThrow('are not open');
    const base = await open('llama_full');
    expect(exportChoices({ ...facts, base }).find(({ kind }) => kind === 'merged')?.blocker).toBeNull();
  });
});
