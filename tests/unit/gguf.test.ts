/** GGUF files: the header, and blocks compared with those of gguf-py. */

import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { bool, f32, ggufHeader, ggufPadding, text, u32, type GgufTensor } from '../../src/formats/gguf';
import { blockBytes, encodeBlocks, fitsBlocks } from '../../src/formats/gguf-blocks';
import { dequantise, readGguf } from './gguf-read';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('blocks', () => {
  const vector = Float32Array.from({ length: 32 }, (_, i) => (-1) ** i * (0.37 * i - 3));

  it('are those of ggml for one vector', () => {
    expect(hex(encodeBlocks('Q8_0', vector))).toBe('452cd327de1ce911f406fffb0af016e521da2ccf37c442b84dad58a263976e8c7981');
    expect(hex(encodeBlocks('Q4_0', vector))).toBe('3c3cb55ab64ac739d738e828e917f916fa06');
  });

  it('are those of gguf-py for many: zeros, equal numbers, halves between codes, all sizes', () => {
    const fixture = JSON.parse(readFileSync(new URL('fixtures/gguf_blocks.json', import.meta.url), 'utf8')) as Record<
      string,
      string
    >;
    const bytesOf = (name: string) => new Uint8Array(Buffer.from(fixture[name] ?? '', 'base64'));
    const values = new Float32Array(bytesOf('values').buffer);
    expect(values.length).toBe(48 * 32);
    for (const type of ['Q8_0', 'Q4_0'] as const) expect(hex(encodeBlocks(type, values))).toBe(hex(bytesOf(type)));
  });

  it('are as near to the numbers as their steps allow', () => {
    const block = fc.array(fc.float({ noNaN: true, min: -1000, max: 1000 }), { minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(block, (list) => {
        const values = Float32Array.from(list);
        const largest = Math.max(...values.map(Math.abs));
        for (const [type, steps] of [
          ['Q8_0', 127],
          ['Q4_0', 8],
        ] as const) {
          const read = dequantise(type, encodeBlocks(type, values));
          // Q4_0 has no code for the largest number with the other sign; the scale is rounded to f16.
          const limit = (largest / steps) * (type === 'Q4_0' ? 1 : 0.5) + largest * 2 ** -10 + 2 ** -14;
          read.forEach((value, i) => expect(Math.abs(value - (values[i] ?? 0))).toBeLessThanOrEqual(limit));
        }
      }),
    );
  });

  it('need rows of whole blocks', () => {
    expect([fitsBlocks('Q8_0', 64), fitsBlocks('Q8_0', 48), fitsBlocks('F16', 48)]).toEqual([true, false, true]);
    expect(() => blockBytes('Q4_0', [2, 48])).toThrow('internal: rows of 48 numbers in blocks of 32');
  });
});

describe('a file', () => {
  const tensors: readonly (GgufTensor & { readonly values: Float32Array })[] = [
    { name: 'a.bias', shape: [3], type: 'F32', values: Float32Array.of(1, -2, 0.5) },
    { name: 'b.weight', shape: [2, 5], type: 'F16', values: Float32Array.from({ length: 10 }, (_, i) => i / 2) },
    { name: 'c.weight', shape: [1, 32], type: 'Q8_0', values: new Float32Array(32).fill(127) },
  ];
  const pairs = [
    ['general.architecture', text('llama')],
    ['n', u32(7)],
    ['x', f32(0.25)],
    ['yes', bool(true)],
    ['tokens', { type: 'strings', value: ['é', '', '日本'] }],
    ['types', { type: 'i32s', value: [1, -3] }],
    ['scores', { type: 'f32s', value: [-1.5, 0] }],
  ] as const;

  it('is read as it was written, aligned, with the shapes reversed', async () => {
    const parts = tensors.flatMap(({ type, values }) => {
      const bytes = encodeBlocks(type, values);
      return [bytes, new Uint8Array(ggufPadding(bytes.length))];
    });
    const header = ggufHeader(pairs, tensors);
    expect(header.length % 32).toBe(0);
    const read = readGguf(await new Blob([header, ...parts]).arrayBuffer());
    expect(read.pairs).toEqual(Object.fromEntries(pairs.map(([key, { value }]) => [key, value])));
    for (const { name, shape, type, values } of tensors) expect(read.tensors[name]).toEqual({ shape, type, values });
  });

  it('has no two tensors of one name', () => {
    expect(() => ggufHeader([], [...tensors, ...tensors.slice(0, 1)])).toThrow('internal: two tensors have the name a.bias');
  });

  it('may have a header of any length', () => {
    const tokens = Array.from({ length: 50_000 }, (_, i) => `token ${i}`);
    const header = ggufHeader([['tokens', { type: 'strings', value: tokens }]], []);
    expect(readGguf(header.buffer).pairs['tokens']).toEqual(tokens);
  });
});
