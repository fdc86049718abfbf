/** The safetensors reader with malformed headers, and the writer compared with files of the reference implementation. */

import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CodedError } from '../../src/core/errors';
import { inspectHeader, readHeader } from '../../src/formats/safetensors-read';
import { writeSafetensors } from '../../src/formats/safetensors-write';

/** A file with this header text and `data` zero bytes; `claimed` overrides the header length. */
function file(header: string, data: number, claimed?: bigint): Blob {
  const json = new TextEncoder().encode(header);
  const length = new DataView(new ArrayBuffer(8));
  length.setBigUint64(0, claimed ?? BigInt(json.length), true);
  return new Blob([length, json, new Uint8Array(data)]);
}

const entry = (begin: number, end: number, shape = `[${(end - begin) / 4}]`, dtype = 'F32') =>
  `{"dtype":"${dtype}","shape":${shape},"data_offsets":[${begin},${end}]}`;

async function problems(blob: Blob): Promise<string[]> {
  const header = await inspectHeader(blob, 'm.safetensors');
  return header.problems.map(({ where, message }) => `${where}: ${message}`);
}

describe('reading a header', () => {
  it('accepts any key order, scalars, empty tensors, padding, metadata, and no tensors', async () => {
    const text = `{"b":${entry(4, 8)},"__metadata__":{"format":"pt"},"s":${entry(0, 4, '[]')},"e":${entry(4, 4, '[0,7]')}}   `;
    const header = await readHeader(file(text, 8), 'm');
    expect(header.tensors.map(({ name, shape, start, end }) => [name, shape, start, end])).toEqual([
      ['s', [], 8 + text.length, 12 + text.length],
      ['e', [0, 7], 12 + text.length, 12 + text.length],
      ['b', [1], 12 + text.length, 16 + text.length],
    ]);
    expect([...header.metadata]).toEqual([['format', 'pt']]);
    expect((await readHeader(file('{}', 0), 'm')).tensors).toEqual([]);
  });

  // safetensors 0.8 reads and writes these.
  it('accepts white space before the object, and the FNUZ types', async () => {
    const text = ` \t\r\n{"a":${entry(0, 4)},"b":${entry(4, 8, '[4]', 'F8_E4M3FNUZ')},"c":${entry(8, 12, '[4]', 'F8_E5M2FNUZ')}}`;
    const { tensors } = await readHeader(file(text, 12), 'm');
    expect(tensors.map(({ name, dtype, start }) => [name, dtype, start - text.length])).toEqual([
      ['a', 'F32', 8],
      ['b', 'F8_E4M3FNUZ', 12],
      ['c', 'F8_E5M2FNUZ', 16],
    ]);
  });

  const cases: readonly [string, Blob, RegExp][] = [
    ['a file too short', new Blob([new Uint8Array(7)]), /has 7 bytes/],
    ['a header of 10 GB', file('{}', 0, 10_000_000_000n), /claims a header of 10000000000 bytes; at most/],
    ['a header of 2^64-1', file('{}', 0, 2n ** 64n - 1n), /claims a header of 18446744073709551615/],
    ['a header longer than the file', file('{}', 0, 3n), /claims a header of 3 bytes, but the file has only 10/],
    ['a header that does not begin with {', file(' [{}]', 0), /does not begin with "{"/],
    ['a header of white space', file('   ', 0), /does not begin with "{"/],
    ['white space that JSON does not have', file('\u00a0{}', 0), /does not begin with "{"/],
    ['a list', file('{', 0), /not valid JSON/],
    ['text after the object', file('{}x', 0), /not valid JSON: expected the end at character 2/],
    ['invalid UTF-8', new Blob([Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0xff, 0x7d)]), /not valid JSON/],
    ['metadata that is not text', file('{"__metadata__":{"a":1}}', 0), /__metadata__\.a: is not a string/],
    ['metadata that is no object', file('{"__metadata__":[]}', 0), /__metadata__: is not an object/],
    ['a repeated tensor', file(`{"a":${entry(0, 4)},"a":${entry(0, 4)}}`, 4), /a: occurs more than once/],
    ['a repeated field', file('{"a":{"dtype":"F32","dtype":"F16","shape":[1],"data_offsets":[0,4]}}', 4), /a: has dtype more/],
    ['a lower-case dtype', file(`{"a":${entry(0, 4, '[1]', 'f32')}}`, 4), /a: has the unknown dtype "f32"/],
    ['a dtype named like an object method', file(`{"a":${entry(0, 4, '[1]', 'toString')}}`, 4), /unknown dtype "toString"/],
    ['no dtype', file('{"a":{"shape":[1],"data_offsets":[0,4]}}', 4), /a: has the unknown dtype nothing/],
    ['a negative size', file(`{"a":${entry(0, 4, '[-1]')}}`, 4), /a: has the shape \[-1\]/],
    ['a fractional size', file(`{"a":${entry(0, 4, '[1.5]')}}`, 4), /a: has the shape \[1.5\]/],
    ['a size over 2^53', file(`{"a":${entry(0, 4, '[9007199254740993]')}}`, 4), /a: has the shape \[9007199254740993\]/],
    ['a product that overflows', file(`{"a":${entry(0, 4, '[4294967296,4294967296,0]')}}`, 4), /takes bytes 0 to 4/],
    ['a product over 2^53', file(`{"a":${entry(0, 4, '[4294967296,4294967296]')}}`, 4), /size overflows/],
    ['half a byte', file(`{"a":${entry(0, 1, '[1]', 'F4')}}`, 1), /not a whole number of bytes/],
    ['a size that does not match', file(`{"a":${entry(0, 8, '[3]')}}`, 8), /takes bytes 0 to 8, but F32 \[3\] is 12 bytes/],
    ['three offsets', file('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}', 8), /data_offsets \[0, 4, 8\]/],
    ['offsets the wrong way round', file('{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}', 4), /takes bytes 4 to 0/],
    ['an overlap', file(`{"a":${entry(0, 8)},"b":${entry(4, 12)}}`, 12), /b: overlaps a by 4 bytes/],
    ['a tensor inside another', file(`{"a":${entry(0, 12)},"b":${entry(4, 8)}}`, 12), /b: overlaps a by 8 bytes/],
    ['a hole', file(`{"a":${entry(0, 4)},"b":${entry(8, 12)}}`, 12), /b: begins 4 bytes after the end of a/],
    ['a hole before the first', file(`{"a":${entry(4, 8)}}`, 8), /a: begins 4 bytes after the end of the header/],
    ['trailing bytes', file(`{"a":${entry(0, 4)}}`, 5), /m\.safetensors: has 1 bytes after the last tensor/],
    ['a tensor of 10 GB in a small file', file(`{"a":${entry(0, 1e10)}}`, 4), /a: ends at byte 100000000\d\d, but the file has/],
  ];
  it.each(cases)('refuses %s', async (_, blob, expected) => {
    expect((await problems(blob)).join('\n')).toMatch(expected);
  });

  it('names every bad tensor at once', async () => {
    const text = `{"a":${entry(0, 4, '[2]')},"b":${entry(4, 8, '[1]', 'F31')},"c":${entry(8, 16)},"d":${entry(12, 20)}}`;
    const found = await readHeader(file(text, 20), 'm').catch((error: unknown) => error);
    expect(found).toBeInstanceOf(CodedError);
    const error = found as CodedError;
    expect(error.code).toBe('model/weights');
    expect(error.problems.map((p) => p.where)).toEqual(['a', 'b', 'd']);
    for (const name of ['a:', 'b:', 'd:']) expect(error.message).toContain(name);
  });

  it('reads only the header of a large file', async () => {
    const sizes: number[] = [];
    const blob = file(`{"a":${entry(0, 1 << 20)}}`, 1 << 20);
    const watched = { size: blob.size, slice: (a: number, b: number) => (sizes.push(b - a), blob.slice(a, b)) };
    await readHeader(watched as unknown as Blob, 'm');
    expect(Math.max(...sizes)).toBeLessThan(100);
  });

  it('gives an error or a header for any bytes', async () => {
    const survives = async (blob: Blob) => {
      const header = await inspectHeader(blob, 'm');
      expect(header.problems.length > 0 || /^\s*\{/.test(new TextDecoder().decode(header.bytes))).toBe(true);
    };
    const bytes = fc.uint8Array({ maxLength: 60 }).map((data) => new Blob([Uint8Array.from(data)]));
    const pieces = ['{', '}', '[', ']', '"', ',', ':', '0', '1', '4', 'dtype', 'shape', 'data_offsets', 'F32'];
    const text = fc.string({ unit: fc.constantFrom(...pieces) }).map((json) => file(`{${json}}`, 8));
    await fc.assert(fc.asyncProperty(bytes, survives));
    await fc.assert(fc.asyncProperty(text, survives), { numRuns: 1000 });
  });
});

describe('writing', () => {
  const golden = new URL('../golden/', import.meta.url);
  const files = readdirSync(golden, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.safetensors'));

  it.each(files)('writes %s with the same bytes', async (name) => {
    const bytes = Uint8Array.from(readFileSync(new URL(name, golden)));
    const { tensors, metadata } = await readHeader(new Blob([bytes]), name);
    const parts = tensors.map(({ start, end, ...rest }) => ({ ...rest, data: bytes.slice(start, end) }));
    const written = writeSafetensors(parts.reverse(), Object.fromEntries(metadata));
    expect(Buffer.compare(written, bytes)).toBe(0);
  });

  it('orders wider types first, pads the header, and can be read', async () => {
    const tensor = (name: string, dtype: 'F32' | 'F16' | 'U8', size: number) => {
      const data = Uint8Array.from({ length: size }, (_, i) => i + name.length);
      return { name, dtype, shape: [size / { F32: 4, F16: 2, U8: 1 }[dtype]], data };
    };
    const written = writeSafetensors([
      tensor('z', 'U8', 3),
      tensor('ä"\n', 'F16', 2),
      tensor('b', 'F32', 8),
      tensor('a', 'F32', 4),
    ]);
    const header = await readHeader(new Blob([written]), 'm');
    expect(header.tensors.map((t) => t.name)).toEqual(['a', 'b', 'ä"\n', 'z']);
    expect(header.bytes.length % 8).toBe(0);
    expect([...header.metadata]).toEqual([['format', 'pt']]);
  });

  it('refuses data that does not fit its shape', () => {
    const bad = { name: 'a', dtype: 'F32', shape: [2], data: new Uint8Array(4) } as const;
    expect(() => writeSafetensors([bad])).toThrow('internal: a has 4 bytes');
  });
});
