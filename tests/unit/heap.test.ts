/** Allocation in a WebAssembly memory. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Heap } from '../../src/graph/heap';

const open = (maximum = 1024) => new Heap(new WebAssembly.Memory({ initial: 1, maximum }));

test('pieces never overlap, and what is given back is used again', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(5000), fc.boolean()), { maxLength: 60 }), (requests) => {
      const heap = open();
      const live: { readonly at: number; readonly bytes: number }[] = [];
      for (const [bytes, frees] of requests) {
        const at = heap.take(bytes);
        expect(at % 64).toBe(0);
        expect(at + bytes).toBeLessThanOrEqual(heap.bytes.length);
        for (const other of live) expect(at >= other.at + other.bytes || other.at >= at + bytes).toBe(true);
        live.push({ at, bytes: Math.max(1, bytes) });
        const [first] = live;
        if (frees && first !== undefined) {
          heap.free(first.at);
          live.shift();
        }
      }
      for (const { at } of live) heap.free(at);
      expect([heap.used, heap.pieces]).toEqual([0, 0]);
      // All of it is one piece again.
      const length = heap.bytes.length;
      heap.take(length - 2048);
      expect(heap.bytes.length).toBe(length);
    }),
  );
});

test('the memory grows, keeps its contents, and says when it can’t grow', () => {
  const heap = open(2);
  const at = heap.take(1000);
  heap.bytes.fill(7, at, at + 1000);
  heap.take(60_000);
  expect(heap.bytes.slice(at, at + 1000)).toEqual(new Uint8Array(1000).fill(7));
  expect(() => heap.take(100_000)).toThrow(/^The browser gives WebAssembly no more memory: 0 MB are in use\./);
  heap.free(at);
  expect(heap.take(900)).toBe(at);
});
