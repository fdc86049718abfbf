// Packing: each token of each document occurs once an epoch, labels are from the same document, and the order is deterministic.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBatches, createFixedBatches } from '../../src/batch/batches';
import { packFirstFit } from '../../src/batch/pack';
import type { Batch, EncodedSplit } from '../../src/batch/types';

const PAD = 777777;

/** A split of documents of the given lengths. Ids are unique, so that each token identifies its document and position. */
function splitOf(lengths: readonly number[]): EncodedSplit {
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const offsets = new Uint32Array(lengths.length + 1);
  lengths.forEach((length, i) => (offsets[i + 1] = (offsets[i] ?? 0) + length));
  return {
    ids: new Int32Array(total).map((_, i) => i + 1),
    trained: new Uint8Array(total).map((_, i) => ((i * 2654435761) % 3) & 1),
    offsets,
    lines: Uint32Array.from(lengths, (_, i) => i + 1),
  };
}

interface Document {
  readonly ids: readonly number[];
  readonly labels: readonly number[];
  readonly weights: readonly number[];
}

/** Splits a batch into documents by its segments, and checks positions, the order of segments, and padding. */
function documentsOf(batch: Batch, rowLength: number): Document[] {
  const documents: Document[] = [];
  for (let row = 0; row < batch.ids.length; row += rowLength) {
    let last = -1;
    for (let i = row; i < row + rowLength; i++) {
      const [segment = -2, position = -1] = [batch.segments[i], batch.positions[i]];
      if (segment === -1) {
        expect([batch.ids[i], batch.labels[i], batch.weights[i], position]).toEqual([PAD, -1, 0, 0]);
        expect([...batch.segments.subarray(i, row + rowLength)].every((one) => one === -1)).toBe(true);
        break;
      }
      if (position === 0) {
        expect(segment).toBe(++last);
        documents.push({ ids: [], labels: [], weights: [] });
      }
      expect(segment).toBe(last);
      const document = documents.at(-1);
      expect(document?.ids.length).toBe(position);
      (document?.ids as number[]).push(batch.ids[i] ?? 0);
      (document?.labels as number[]).push(batch.labels[i] ?? 0);
      (document?.weights as number[]).push(batch.weights[i] ?? 0);
    }
  }
  return documents;
}

/** The expected documents, sorted by first token. */
function wanted(split: EncodedSplit): Document[] {
  return [...split.lines.keys()].map((doc) => {
    const [from, to] = [split.offsets[doc] ?? 0, split.offsets[doc + 1] ?? 0];
    const ids = [...split.ids.subarray(from, to)];
    return { ids, labels: [...ids.slice(1), -1], weights: [...split.trained.subarray(from + 1, to), 0] };
  });
}

const sorted = (documents: readonly Document[]) => [...documents].sort((a, b) => (a.ids[0] ?? 0) - (b.ids[0] ?? 0));

const rowLength = 16;
const shapes = fc.record({
  lengths: fc.array(fc.integer({ min: 1, max: rowLength }), { minLength: 1, maxLength: 40 }),
  microBatch: fc.integer({ min: 1, max: 5 }),
  seed: fc.nat(),
  epoch: fc.nat(5),
});

describe('an epoch', () => {
  it('has each document whole and once, with its own labels', () => {
    const property = fc.property(shapes, ({ lengths, microBatch, seed, epoch }) => {
      const split = splitOf(lengths);
      const batches = createBatches(split, { microBatch, sequenceLength: rowLength, seed, padId: PAD });
      const all = Array.from({ length: batches.microStepsPerEpoch(epoch) }, (_, i) => batches.batch(epoch, i));
      expect(sorted(all.flatMap((batch) => documentsOf(batch, rowLength)))).toEqual(wanted(split));
      for (const batch of all) {
        expect(batch.ids.length).toBe(microBatch * rowLength);
        expect(batch.tokens).toBe(batch.segments.filter((segment) => segment >= 0).length);
        expect(batch.trained).toBe(batch.weights.reduce((sum, weight) => sum + weight, 0));
        expect(batch.tokens).toBeGreaterThan(0);
      }
    });
    fc.assert(property, { numRuns: 200 });
  });

  it('is the same for a new object, independent of earlier calls', () => {
    const property = fc.property(shapes, ({ lengths, microBatch, seed, epoch }) => {
      const make = () => createBatches(splitOf(lengths), { microBatch, sequenceLength: rowLength, seed });
      const used = make();
      const steps = used.microStepsBefore(epoch + 1);
      for (let k = 0; k < steps; k++) {
        const { epoch: e, index } = used.locate(k);
        expect(used.microStepsBefore(e) + index).toBe(k);
        if (k === steps - 1) expect(used.batch(e, index)).toEqual(make().batch(e, index));
      }
    });
    fc.assert(property, { numRuns: 50 });
  });

  it('is shuffled, differently for each epoch and seed', () => {
    const split = splitOf(Array.from({ length: 64 }, () => rowLength));
    const firsts = (seed: number, epoch: number) => {
      const batches = createBatches(split, { microBatch: 1, sequenceLength: rowLength, seed });
      return Array.from({ length: 64 }, (_, i) => batches.batch(epoch, i).ids[0]);
    };
    expect(firsts(1, 0)).not.toEqual(firsts(1, 1));
    expect(firsts(1, 0)).not.toEqual(firsts(2, 0));
    expect(firsts(1, 0)).toEqual(firsts(1, 0));
  });

  it('draws the order of documents and the order of rows from separate streams', () => {
    const seeds = Array.from({ length: 600 }, (_, seed) => seed);
    const orderOf = (rows: number, seed: number) => {
      const split = splitOf(Array.from({ length: rows }, () => rowLength));
      const batches = createBatches(split, { microBatch: 1, sequenceLength: rowLength, seed });
      return Array.from({ length: rows }, (_, i) => batches.batch(0, i).ids[0]).join();
    };
    for (const [rows, orders] of [
      [2, 2],
      [3, 6],
    ] as const) {
      const counts = new Map<string, number>();
      for (const seed of seeds) counts.set(orderOf(rows, seed), (counts.get(orderOf(rows, seed)) ?? 0) + 1);
      expect(counts.size).toBe(orders);
      // Six standard deviations of a fair draw.
      const spread = 6 * Math.sqrt((seeds.length / orders) * (1 - 1 / orders));
      for (const count of counts.values()) expect(Math.abs(count - seeds.length / orders)).toBeLessThan(spread);
    }
  });

  it('may be partial: micro-steps before epoch 2.5', () => {
    const batches = createBatches(splitOf(Array.from({ length: 10 }, () => rowLength)), {
      microBatch: 1,
      sequenceLength: rowLength,
      seed: 1,
    });
    expect(batches.microStepsBefore(2.5)).toBe(25);
    expect(batches.microStepsBefore(0.01)).toBe(0);
  });
});

describe('packing', () => {
  it('puts each document into the first row with room', () => {
    const lengths = Uint32Array.of(6, 5, 4, 3, 2, 7);
    const { docs, starts } = packFirstFit(lengths, Uint32Array.of(0, 1, 2, 3, 4, 5), { tokens: 10, items: Infinity });
    expect([...docs]).toEqual([0, 2, 1, 3, 4, 5]);
    expect([...starts]).toEqual([0, 2, 5, 6]);
  });

  it('agrees with a simple first fit, with and without a limit of documents in a row', () => {
    const lengths = fc.array(fc.integer({ min: 0, max: rowLength }), { maxLength: 60 });
    const limit = fc.oneof(fc.constant(Infinity), fc.integer({ min: 1, max: 6 }));
    fc.assert(
      fc.property(lengths, limit, (all, items) => {
        const rows: number[][] = [];
        all.forEach((length, doc) => {
          const room = (row: readonly number[]) => rowLength - row.reduce((sum, d) => sum + (all[d] ?? 0), 0);
          const row = rows.find((one) => room(one) >= length && one.length < items);
          if (row === undefined) rows.push([doc]);
          else row.push(doc);
        });
        const size = { tokens: rowLength, items };
        const { docs, starts } = packFirstFit(Uint32Array.from(all), Uint32Array.from(all.keys()), size);
        expect(rows.map((_, r) => [...docs.subarray(starts[r], starts[r + 1])])).toEqual(rows);
        expect(starts.length).toBe(rows.length + 1);
      }),
    );
  });

  it('packs 100,000 documents within 5 s and with little padding', () => {
    const lengths = Array.from({ length: 100_000 }, (_, i) => 1 + ((i * 7919) % 200));
    const split = splitOf(lengths);
    const started = performance.now();
    const batches = createBatches(split, { microBatch: 8, sequenceLength: 512, seed: 1 });
    const rows = batches.rows(0);
    expect(performance.now() - started).toBeLessThan(5000);
    expect(split.ids.length / (rows * 512)).toBeGreaterThan(0.97);
  });

  it('refuses documents longer than a row', () => {
    const batches = createBatches(splitOf([20]), { microBatch: 1, sequenceLength: rowLength, seed: 1 });
    expect(() => batches.batch(0, 0)).toThrow(/internal: document 0 has 20 tokens/);
  });

  it('refuses batches that do not exist', () => {
    const split = splitOf([3]);
    const batches = createBatches(split, { microBatch: 1, sequenceLength: rowLength, seed: 1 });
    expect(() => batches.batch(0, 1)).toThrow(/internal: batch 1 of 1/);
    expect(() => createBatches(splitOf([]), { microBatch: 1, sequenceLength: rowLength, seed: 1 }).locate(0)).toThrow(
      /no training examples/,
    );
  });
});

describe('held-out batches', () => {
  it('hold every document once, in the order of the file, where all fit', () => {
    const split = splitOf([9, 9, 9, 9, 9]);
    const settings = { microBatch: 2, sequenceLength: rowLength, seed: 1, padId: PAD };
    const fixed = createFixedBatches(split, settings, 1000);
    expect(fixed.count).toBe(3);
    const all = Array.from({ length: fixed.count }, (_, i) => documentsOf(fixed.batch(i), rowLength)).flat();
    expect(all).toEqual(wanted(split));
    expect(createFixedBatches(splitOf([]), settings, 1000).count).toBe(0);
  });

  it('hold a sample of whole documents up to the given number of tokens, one at least', () => {
    const split = splitOf(Array.from({ length: 100 }, () => 8));
    const counted = (tokens: number) => {
      const fixed = createFixedBatches(split, { microBatch: 1, sequenceLength: rowLength, seed: 3 }, tokens);
      return Array.from({ length: fixed.count }, (_, i) => fixed.batch(i).tokens).reduce((sum, count) => sum + count, 0);
    };
    expect([1, 8, 100, 800, 5000].map(counted)).toEqual([8, 8, 96, 800, 800]);
  });
});
