/** The parts of checkpoints that need no browser: cutting, verifying, and what is kept. */

import { describe, expect, it } from 'vitest';
import { cut, faultOf, join, type ChunkInfo, type NamedArray } from '../../src/checkpoint/chunks';
import { bestOf, superfluous } from '../../src/checkpoint/retention';

async function pieces(parts: readonly NamedArray[], size: number) {
  const infos: ChunkInfo[] = [];
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for await (const { bytesOf, ...info } of cut(parts, size)) {
    infos.push(info);
    chunks.push(bytesOf);
  }
  return { infos, chunks };
}

describe('chunks', () => {
  const numbers = Float32Array.from({ length: 11 }, (_, i) => i / 3);
  const parts: NamedArray[] = [
    { name: 'a', kind: 'f32', data: numbers.subarray(1, 9) },
    { name: 'empty', kind: 'u8', data: new Uint8Array(0) },
    { name: 'b', kind: 'u8', data: Uint8Array.of(7, 8, 9) },
  ];

  it('are no larger than asked, own their bytes, and give the same arrays again', async () => {
    for (const size of [4, 16, 1000]) {
      const { infos, chunks } = await pieces(parts, size);
      expect(chunks.every((chunk) => chunk.length <= size && chunk.buffer.byteLength === chunk.length)).toBe(true);
      const joined = join(infos, chunks);
      expect(joined.get('a')?.data).toEqual(numbers.slice(1, 9));
      expect(joined.get('b')?.data).toEqual(Uint8Array.of(7, 8, 9));
      expect(joined.has('empty')).toBe(false);
    }
  });

  it('show every change', async () => {
    const { infos, chunks } = await pieces(parts, 16);
    const [info, chunk] = [infos[0], chunks[0]];
    if (info === undefined || chunk === undefined) throw new Error('no chunks');
    expect(await faultOf(info, chunk)).toBeNull();
    expect(await faultOf(info, undefined)).toContain('missing');
    expect(await faultOf(info, chunk.slice(1))).toContain('15 bytes, not 16');
    for (let bit = 0; bit < 128; bit += 5) {
      const changed = chunk.slice();
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(await faultOf(info, changed)).toContain('changed');
    }
  });
});

describe('retention', () => {
  const at = (step: number, score: number | null = null) => ({ step, score });
  const steps = (candidates: readonly { step: number }[]) => candidates.map(({ step }) => step).sort((a, b) => a - b);

  it('keeps the newest two and the best', () => {
    expect(steps(superfluous([at(1, 3), at(2, 1), at(3, 2), at(4, 4), at(5, 5)], 5))).toEqual([1, 3]);
    expect(steps(superfluous([at(1, 3), at(2, 2), at(3, 1)], 3))).toEqual([1]);
    expect(steps(superfluous([at(1), at(2), at(3)], 3))).toEqual([1]);
    expect(superfluous([at(1, 1)], 1)).toEqual([]);
  });

  it('deletes later steps, which are from before a rollback', () => {
    expect(steps(superfluous([at(1, 2), at(8, 1), at(9, 0), at(4, 3)], 4))).toEqual([8, 9]);
  });

  it('takes the earlier of equals as best, and never one that was not measured', () => {
    expect(bestOf([at(1, 2), at(2, 2), at(3, null), at(4, NaN)])?.step).toBe(1);
    expect(bestOf([at(1), at(2, NaN)])).toBeNull();
  });
});
