/** Conversion of weights to storage types: exact within the range of f16, f32 otherwise. */

import { describe, expect, it } from 'vitest';
import { CodedError } from '../../src/core/errors';
import { bf16ToF32, f16ToF32 } from '../../src/core/f16';
import { openWeights, type ModelWeights } from '../../src/model/folder';
import type { TensorData } from '../../src/formats/safetensors-write';
import type { LoadProgress } from '../../src/model/types';
import { checkWeights, decodeToF32, expectedStorage, streamWeights, type StoredTensor } from '../../src/model/weights-source';
import { CONFIG, tensorsOf, text, weights } from './files';

const EMBED = 'model.embed_tokens.weight';
const NORM = 'model.norm.weight';
const GATE = 'model.layers.0.mlp.gate_proj.weight';

/** The small model in `dtype`; the first numbers of tensor `name` are `bits`. */
function model(dtype: 'F32' | 'F16' | 'BF16', changes: Record<string, readonly number[]> = {}): Promise<ModelWeights> {
  const tensors = tensorsOf(CONFIG, dtype).map((tensor): TensorData => {
    const width = dtype === 'F32' ? Uint32Array : Uint16Array;
    const bits = new width(tensor.data.buffer);
    bits.set(changes[tensor.name] ?? []);
    return tensor;
  });
  return openWeights([text('config.json', CONFIG), weights('model.safetensors', tensors)]);
}

async function load(source: ModelWeights): Promise<Map<string, StoredTensor>> {
  const loaded = new Map<string, StoredTensor>();
  for await (const tensor of streamWeights(source, await checkWeights(source))) loaded.set(tensor.name, tensor);
  return loaded;
}

const head = (tensor: StoredTensor | undefined, count: number) => (tensor ? [...decodeToF32(tensor).slice(0, count)] : []);

describe('streamWeights', () => {
  it('yields all tensors in order, with their shapes', async () => {
    const source = await model('F32');
    const loaded = await load(source);
    expect([...loaded.keys()]).toEqual([...source.tensors.keys()]);
    for (const [name, { shape }] of loaded) expect(shape).toEqual(source.tensors.get(name)?.shape);
  });

  it('keeps F32 and F16 bits', async () => {
    const full = await load(await model('F32', { [EMBED]: [0x3f800000, 0xbf000000, 1] }));
    expect(full.get(EMBED)?.dtype).toBe('f32');
    expect(head(full.get(EMBED), 3)).toEqual([1, -0.5, 2 ** -149]);
    const half = await load(await model('F16', { [EMBED]: [0x3c00, 0xb800, 1], [NORM]: [0x4000] }));
    expect(half.get(EMBED)?.dtype).toBe('f16');
    expect(half.get(EMBED)?.data[0]).toBe(0xb8003c00);
    expect(head(half.get(EMBED), 3)).toEqual([1, -0.5, 2 ** -24]);
    expect(half.get(NORM)?.dtype).toBe('f32');
    expect(head(half.get(NORM), 1)).toEqual([2]);
  });

  it('converts BF16 matrices to f16 without loss, and vectors to f32', async () => {
    const bits = [0x3f80, 0xc2f7, 0x3789, 0x0001];
    const loaded = await load(await model('BF16', { [EMBED]: bits, [NORM]: [0x0001] }));
    expect(loaded.get(EMBED)?.dtype).toBe('f16');
    const exact = bf16ToF32(Uint16Array.from(bits));
    expect(head(loaded.get(EMBED), 4)).toEqual([...exact.slice(0, 3), 0]);
    expect(loaded.get(NORM)?.dtype).toBe('f32');
    expect(head(loaded.get(NORM), 1)).toEqual([2 ** -133]);
  });

  it('converts a BF16 matrix to f32 when it overflows f16 or is tiny', async () => {
    const cases: [number, string][] = [
      ...([
        [0x477f, 'f16'],
        [0xc77f, 'f16'],
        [0x4780, 'f32'],
        [0xc780, 'f32'],
      ] as [number, string][]),
      ...([
        [0x3900, 'f16'],
        [0x38ff, 'f32'],
        [0x0000, 'f16'],
      ] as [number, string][]),
    ];
    for (const [bits, dtype] of cases) {
      const tensor = (await load(await model('BF16', { [GATE]: [bits] }))).get(GATE);
      expect([bits, tensor?.dtype]).toEqual([bits, dtype]);
      expect(head(tensor, 1)).toEqual([...bf16ToF32(Uint16Array.of(bits))]);
    }
  });

  it('names every tensor with NaN or infinity', async () => {
    const bad = { F32: 0x7fc00000, F16: 0xfc00, BF16: 0x7f81 } as const;
    for (const dtype of ['F32', 'F16', 'BF16'] as const) {
      const source = await model(dtype, { [EMBED]: [0, bad[dtype]], [NORM]: [bad[dtype]] });
      const error: unknown = await checkWeights(source).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(CodedError);
      expect((error as CodedError).code).toBe('model/weights');
      expect((error as CodedError).problems.map((p) => p.where)).toEqual([EMBED, NORM]);
    }
  });

  it('predicts storage types from headers, as the check finds them in ordinary weights', async () => {
    const source = await model('BF16', { [GATE]: [0x4780], [EMBED]: [0x3f80] });
    const [guess, checked] = [expectedStorage(source), await checkWeights(source)];
    expect([guess.get(GATE), checked.get(GATE)]).toEqual(['f16', 'f32']);
    for (const name of [EMBED, NORM]) expect(checked.get(name)).toBe(guess.get(name));
  });

  it('reads an odd number of f16 from whole words', () => {
    const tensor = { name: 'x', shape: [3, 1], dtype: 'f16' as const, data: Uint32Array.of(0x40003c00, 0x00004200) };
    expect([...decodeToF32(tensor)]).toEqual([...f16ToF32(Uint16Array.of(0x3c00, 0x4000, 0x4200))]);
  });
});

describe('progress', () => {
  it('counts every byte once', async () => {
    const source = await model('F16');
    const rows: LoadProgress[] = [];
    const onProgress = (row: LoadProgress) => void rows.push(row);
    const storage = await checkWeights(source, { onProgress });
    for await (const tensor of streamWeights(source, storage, { onProgress })) expect(tensor.data.length).toBeGreaterThan(0);
    for (const stage of ['check', 'weights'] as const) {
      const own = rows.filter((row) => row.stage === stage);
      expect(own.at(-1)?.done).toBe(own.at(-1)?.total);
      expect(own.map((row) => row.done)).toEqual([...own.map((row) => row.done)].sort((a, b) => a - b));
    }
  });

  it('stops when cancelled', async () => {
    const source = await model('F16');
    await expect(checkWeights(source, { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
  });
});
