// Batches of labelled texts and of pairs: every document once an epoch and whole, in a slot of its own, with its pooled token, target
// and weights; pairs together; never more documents than slots. And that batches of next-token prediction are what they were.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBatches, createFixedBatches } from '../../src/batch/batches';
import { batchSpace } from '../../src/batch/collate';
import { Preparation } from '../../src/batch/preparation';
import { planSlots, slotCount, type Slots } from '../../src/batch/slots';
import { SplitWriter } from '../../src/batch/split-writer';
import type { Batch, EncodedSplit, ExampleLayout } from '../../src/batch/types';
import { ENCODINGS } from '../../src/encoding';
import type { InputName, Target } from '../../src/encoding/encoding';
import { readFixture } from './dataset-open';
import { filesOf, tokenizerOf, type TokenizerName } from './tokenizer-files';

const ROW = 24;

/** Documents of the given lengths, in groups of `documents`; ids and types tell each token from all others. */
function splitOf(examples: readonly (readonly number[])[], width: number): EncodedSplit {
  const writer = new SplitWriter();
  let id = 1;
  examples.forEach((lengths, example) => {
    const documents = lengths.map((length) => {
      const ids = Array.from({ length }, () => id++);
      return { ids, trained: ids.map((one, i) => (i > 0 && one % 3 > 0 ? 1 : 0)), types: ids.map((one) => one % 2) };
    });
    writer.add({ documents, target: Array.from({ length: width }, (_, k) => example * 10 + k), line: example + 1 });
  });
  return writer.finish();
}

const TARGETS: readonly Target[] = [
  { kind: 'class', names: ['a', 'b'] },
  { kind: 'labels', names: ['a', 'b', 'c'] },
  { kind: 'numbers', count: 2 },
];

function labelledLayout(target: Target): ExampleLayout {
  return { kind: 'labelled', documents: 1, columns: ENCODINGS.labelled.columns({ target }), names: [] };
}
const PAIRS: ExampleLayout = { kind: 'pair', documents: 2, columns: ENCODINGS.pair.columns({}), names: [] };

const length = fc.integer({ min: 1, max: ROW / 2 });
const cases = fc.record({
  lengths: fc.array(fc.tuple(length, length), { minLength: 1, maxLength: 40 }),
  layout: fc.constantFrom(PAIRS, ...TARGETS.map(labelledLayout)),
  microBatch: fc.integer({ min: 1, max: 4 }),
  pool: fc.constantFrom<Slots['pool'][]>('first', 'last'),
  seed: fc.nat(),
  epoch: fc.nat(3),
});

const widthOf = (layout: ExampleLayout) =>
  layout.columns.find(({ name }) => name === 'classes' || name === 'targets')?.width ?? 0;

function input(batch: Batch, name: InputName): number[] {
  const array = batch.inputs?.[name];
  if (array === undefined) throw new Error(`no input ${name}`);
  return [...array];
}

/** What a batch has in a slot. */
interface Found {
  readonly slot: number;
  readonly ids: readonly number[];
  readonly positions: readonly number[];
  readonly segments: ReadonlySet<number>;
  readonly rows: ReadonlySet<number>;
  readonly weights: readonly number[];
  readonly tokens: readonly number[];
}

/** The documents of a batch by their slots. */
function found(batch: Batch): Found[] {
  const slots = input(batch, 'documents');
  return [...new Set(slots.filter((slot) => slot >= 0))].map((slot) => {
    const tokens = slots.flatMap((one, i) => (one === slot ? [i] : []));
    const of = (array: ArrayLike<number>) => tokens.map((i) => array[i] ?? NaN);
    return {
      ...{ slot, tokens, ids: of(batch.ids), positions: of(batch.positions), weights: of(batch.weights) },
      segments: new Set(of(batch.segments)),
      rows: new Set(tokens.map((i) => Math.floor(i / ROW))),
    };
  });
}

function documentOf(split: EncodedSplit, index: number) {
  const [from, to] = [split.offsets[index] ?? 0, split.offsets[index + 1] ?? 0];
  return {
    ids: [...split.ids.subarray(from, to)],
    trained: [...split.trained.subarray(from + 1, to), 0],
    types: [...(split.types?.subarray(from, to) ?? [])],
  };
}

describe('an epoch', () => {
  it('has every document whole and once, in its own slot, with its own inputs', () => {
    const property = fc.property(cases, ({ lengths, layout, microBatch, pool, seed, epoch }) => {
      const examples = lengths.map((pair) => pair.slice(0, layout.documents));
      const width = widthOf(layout);
      const split = splitOf(examples, width);
      const slots = planSlots(split, layout, ROW, pool);
      const batches = createBatches(split, { microBatch, sequenceLength: ROW, seed, slots });
      const D = slotCount(slots, microBatch);
      const seen: number[] = [];
      for (let step = 0; step < batches.microStepsPerEpoch(epoch); step++) {
        const batch = batches.batch(epoch, step);
        const documents = found(batch);
        expect(batch.examples).toBe(documents.length / layout.documents);
        expect(documents.length).toBeLessThanOrEqual(D);
        const [pooled, weights] = [input(batch, 'pooled'), input(batch, 'documentWeights')];
        expect([pooled.length, weights.length]).toEqual([D, D]);
        for (const one of documents) {
          const document = split.offsets.indexOf((one.ids[0] ?? 0) - 1);
          seen.push(document);
          const wanted = documentOf(split, document);
          expect(one.ids).toEqual(wanted.ids);
          expect(one.weights).toEqual(wanted.trained);
          expect(one.positions).toEqual([...wanted.ids.keys()]);
          expect([one.segments.size, one.rows.size]).toEqual([1, 1]);
          expect(pooled[one.slot]).toBe(pool === 'first' ? one.tokens[0] : one.tokens.at(-1));
          expect(weights[one.slot]).toBe(1);
          checkPartner(documents, one, D, document, layout);
          checkTarget(batch, one, Math.floor(document / layout.documents), layout, width);
          if (layout.kind === 'labelled') expect(one.tokens.map((i) => input(batch, 'types')[i])).toEqual(wanted.types);
        }
        checkEmpty(batch, new Set(documents.map(({ slot }) => slot)), width);
        checkSegments(batch, documents);
      }
      expect(seen.sort((a, b) => a - b)).toEqual([...Array(lengths.length * layout.documents).keys()]);
    });
    fc.assert(property, { numRuns: 150 });
  });

  /** The other document of a pair is in the other half of the slots, at the same place and in the same row. */
  function checkPartner(documents: readonly Found[], one: Found, D: number, document: number, layout: ExampleLayout): void {
    if (layout.documents === 1) return;
    const first = document % 2 === 0;
    expect(one.slot < D / 2).toBe(first);
    const other = documents.find(({ slot }) => slot === one.slot + (first ? D / 2 : -D / 2));
    expect([...(other?.rows ?? [])]).toEqual([...one.rows]);
    const [earlier, later] = first ? [one, other] : [other, one];
    expect(later?.ids[0]).toBe((earlier?.ids.at(-1) ?? NaN) + 1);
  }

  function checkTarget(batch: Batch, { slot }: Found, example: number, layout: ExampleLayout, width: number): void {
    if (layout.kind === 'pair') return;
    const wanted = Array.from({ length: width }, (_, k) => example * 10 + k);
    const name = batch.inputs?.classes === undefined ? 'targets' : 'classes';
    expect(input(batch, name).slice(slot * width, (slot + 1) * width)).toEqual(wanted);
  }

  function checkEmpty(batch: Batch, used: ReadonlySet<number>, width: number): void {
    const weights = input(batch, 'documentWeights');
    for (const slot of weights.keys()) {
      if (used.has(slot)) continue;
      expect([weights[slot], input(batch, 'pooled')[slot]]).toEqual([0, 0]);
      if (batch.inputs?.classes !== undefined) expect(batch.inputs.classes[slot]).toBe(-1);
      const targets = batch.inputs?.targets?.subarray(slot * width, (slot + 1) * width) ?? [];
      expect([...targets].every((one) => one === 0)).toBe(true);
    }
  }

  /** Documents of a row have different segments, and padding has none. */
  function checkSegments(batch: Batch, documents: readonly Found[]): void {
    const keys = documents.map(({ rows, segments }) => `${[...rows].join()} ${[...segments].join()}`);
    expect(new Set(keys).size).toBe(documents.length);
    const slots = input(batch, 'documents');
    batch.segments.forEach((segment, i) => expect(segment === -1).toBe(slots[i] === -1));
  }

  it('has no document that stands on padding: some models end answers with the token of padding', () => {
    const split = splitOf([[5, 4]], 0);
    const padId = 9999;
    for (const at of [3, 4, 5, 6, 7, 8]) split.ids[at] = padId;
    const pooledWith = (pad: number | null, pool: 'first' | 'last') => {
      const slots = planSlots(split, PAIRS, ROW, pool);
      return input(
        createBatches(split, { microBatch: 1, sequenceLength: ROW, seed: 1, padId: pad, slots }).batch(0, 0),
        'pooled',
      );
    };
    // The second document is nothing but padding.
    expect(pooledWith(padId, 'last')).toEqual([2, 5]);
    expect(pooledWith(padId, 'first')).toEqual([0, 5]);
    expect(pooledWith(null, 'last')).toEqual([4, 8]);
  });

  it('is the same in arrays that are reused, and for a new object', () => {
    const property = fc.property(cases, ({ lengths, layout, microBatch, seed }) => {
      const split = splitOf(
        lengths.map((pair) => pair.slice(0, layout.documents)),
        widthOf(layout),
      );
      const slots = planSlots(split, layout, ROW);
      const make = () => createBatches(split, { microBatch, sequenceLength: ROW, seed, slots });
      const space = batchSpace({ rows: microBatch, rowLength: ROW, slots });
      const batches = make();
      for (let step = 0; step < batches.microStepsPerEpoch(0); step++) {
        expect(batches.batch(0, step, space)).toEqual(make().batch(0, step));
      }
    });
    fc.assert(property, { numRuns: 50 });
  });
});

describe('slots', () => {
  const layout = labelledLayout(TARGETS[0] ?? { kind: 'numbers', count: 1 });

  it('are as many as the shortest examples could fill, and at most twice the average', () => {
    const perRow = (lengths: readonly number[]) =>
      planSlots(
        splitOf(
          lengths.map((one) => [one]),
          1,
        ),
        layout,
        ROW,
      ).perRow;
    expect(perRow([12, 12, 12])).toBe(2);
    expect(perRow([3, 3])).toBe(2);
    expect(perRow([24, 24])).toBe(1);
    // On average 24 / 8 examples fit into a row, of the shortest 24.
    expect(perRow([...Array<number>(30).fill(1), ...Array<number>(30).fill(15)])).toBe(6);
    expect(perRow([])).toBe(1);
  });

  it('limit a row of many short examples, which then leaves padding', () => {
    const split = splitOf(
      [...Array<number>(30).fill(1), ...Array<number>(30).fill(15)].map((one) => [one]),
      1,
    );
    const slots = planSlots(split, layout, ROW);
    const batches = createBatches(split, { microBatch: 1, sequenceLength: ROW, seed: 1, slots });
    const counts = Array.from({ length: batches.microStepsPerEpoch(0) }, (_, i) => batches.batch(0, i).examples ?? 0);
    expect(Math.max(...counts)).toBeLessThanOrEqual(6);
    expect(counts.reduce((sum, one) => sum + one, 0)).toBe(60);
  });

  it('hold the held-out examples too, planned from the training data', () => {
    const train = splitOf([[12], [12], [12]], 1);
    const heldOut = splitOf(
      Array.from({ length: 9 }, () => [2]),
      1,
    );
    const slots = planSlots(train, layout, ROW);
    const fixed = createFixedBatches(heldOut, { microBatch: 2, sequenceLength: ROW, seed: 1, slots }, 1000);
    const counts = Array.from({ length: fixed.count }, (_, i) => fixed.batch(i).examples);
    expect(counts).toEqual([4, 4, 1]);
  });
});

describe('a file', () => {
  const SETTINGS = { sequenceLength: 64, heldOutRatio: 0.1, seed: 42, lossOn: 'assistant' } as const;
  const prepare = async (name: string, bytes: Uint8Array<ArrayBuffer>, tokenizer: TokenizerName) => {
    const preparation = new Preparation();
    await preparation.open(new File([bytes], name));
    await preparation.setTokenizer(filesOf(tokenizer));
    return preparation;
  };
  const sample = (name: string) => new Uint8Array(readFileSync(new URL(`../../public/samples/${name}`, import.meta.url)));

  it('of labelled texts becomes batches with the classes of their texts', async () => {
    const preparation = await prepare('support-tickets.csv', sample('support-tickets.csv'), 'starter-encoder');
    const settings = { ...SETTINGS, encoding: { kind: 'labelled', labels: 'one' } } as const;
    const { layout, train, heldOut, stats, kind } = await preparation.encode(settings);
    expect(layout?.names).toEqual(['account', 'billing', 'delivery', 'plant care', 'praise', 'returns']);
    expect([train.lines.length, heldOut.lines.length, stats.droppedCount, stats.trainedTokens, kind]).toEqual([
      270,
      30,
      0,
      0,
      undefined,
    ]);
    expect((await preparation.measure(settings)).packedTokens).toBe(stats.packedTokens);
    if (layout === undefined) throw new Error('no layout');
    const slots = planSlots(train, layout, 64, 'first');
    const batches = createBatches(train, { microBatch: 2, sequenceLength: 64, seed: 1, slots });
    const batch = batches.batch(0, 0);
    const tickets = new Map(
      [...train.lines].map((line, i) => [
        train.ids.slice(train.offsets[i], train.offsets[i + 1]).join(),
        { line, label: train.targets?.[i] },
      ]),
    );
    for (const { ids, slot, tokens } of found(batch)) {
      expect(tokenizerOf('starter-encoder').tokenOf(ids[0] ?? 0)).toBe('[CLS]');
      expect(input(batch, 'pooled')[slot]).toBe(tokens[0]);
      expect(tickets.get(ids.join())?.label).toBe(input(batch, 'classes')[slot]);
    }
  });

  it('has another hash for other labels', async () => {
    const text = (label: string) => new TextEncoder().encode(`text,label\none,a\ntwo,b\nthree,${label}\n`);
    const encoding = { kind: 'labelled', labels: 'one' } as const;
    const hash = async (label: string) =>
      (await (await prepare('a.csv', text(label), 'starter-encoder')).encode({ ...SETTINGS, encoding })).hash;
    expect(await hash('a')).not.toBe(await hash('b'));
    expect(await hash('a')).toBe(await hash('a'));
    expect(await hash('c')).not.toBe(await hash('b'));
  });

  it('may be given the names of the classes, and drops others', async () => {
    const bytes = new TextEncoder().encode('text,label\none,a\ntwo,b\nthree,c\n');
    const encoding = { kind: 'labelled', labels: 'one', names: ['b', 'a'] } as const;
    const { layout, stats } = await (await prepare('a.csv', bytes, 'starter-encoder')).encode({ ...SETTINGS, encoding });
    expect(layout?.names).toEqual(['b', 'a']);
    expect(stats.dropped).toEqual([{ line: 4, message: '"c" is none of the 2 labels: "b", "a".' }]);
  });

  it('of which no row can be used is refused, with the reason of each row once', async () => {
    const bytes = new TextEncoder().encode('text,label\none,a\ntwo,b\n');
    const encoding = { kind: 'labelled', labels: 'numbers' } as const;
    const preparation = await prepare('a.csv', bytes, 'starter-encoder');
    const error: unknown = await preparation.encode({ ...SETTINGS, encoding }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({
      code: 'data/no-examples',
      problems: [
        { where: 'line 2', message: '"label" is "a", expected a number.' },
        { where: 'line 3', message: '"label" is "b", expected a number.' },
      ],
    });
  });

  it('of preferences becomes pairs', async () => {
    const preparation = await prepare('preferences.json', readFixture('preferences.json'), 'starter');
    const { layout, train, heldOut, stats } = await preparation.encode({
      ...SETTINGS,
      sequenceLength: 256,
      encoding: { kind: 'pair' },
    });
    expect([train.lines.length, train.offsets.length - 1, heldOut.offsets.length - 1, stats.examples]).toEqual([27, 54, 6, 30]);
    expect([layout?.kind, train.types, train.targets]).toEqual(['pair', undefined, undefined]);
    expect(stats.maxLength).toBeGreaterThan(100);
  });

  // As before there were other encodings: hash of the dataset, and of the arrays of two epochs and of held-out batches.
  it.each([
    [
      'support-tickets.csv',
      'ca788e24b1e23f6801e7b70954249ce650d9aa2e84f13fb8de2c71da42774125',
      '3d1d15966280483f74f6153bb71364aa2b5f6f3380101bb133fdc7466bd39cb6',
    ],
    [
      'lighthouse-keeper.jsonl',
      '3ba27a553d8c78ae0e9cb329b9412ad0e645c4367ee0b04c19b447d77b85d484',
      '1eca981428ac79aa6b2ff971d65da069f98795333a7bed4a99193fd2e357a35f',
    ],
    [
      'texts.jsonl',
      '15847d3ac1c001f5a9b569c3f352741c9df633355810136573cc460e54eebd86',
      'bbb8a6616439daca1c5cd2440fe8e130864e4fddf36ea6dbfcab0f6343eb5c81',
    ],
  ])('%s for next-token prediction has the same bytes as ever', async (name, hash, batchHash) => {
    const bytes = name === 'texts.jsonl' ? readFixture(name) : sample(name);
    const dataset = await (await prepare(name, bytes, 'starter')).encode(SETTINGS);
    expect(dataset.hash).toBe(hash);
    expect('layout' in dataset).toBe(false);
    const sum = createHash('sha256');
    const training = createBatches(dataset.train, { ...SETTINGS, microBatch: 3, padId: 1 });
    for (const epoch of [0, 1]) {
      for (let i = 0; i < training.microStepsPerEpoch(epoch); i++) {
        const { ids, positions, segments, labels, weights, tokens, trained } = training.batch(epoch, i);
        for (const array of [ids, positions, segments, labels, weights]) sum.update(new Uint8Array(array.buffer));
        sum.update(`${tokens} ${trained}`);
      }
    }
    const fixed = createFixedBatches(dataset.heldOut, { ...SETTINGS, microBatch: 2 }, 500);
    for (let i = 0; i < fixed.count; i++) {
      const { ids, labels, weights } = fixed.batch(i);
      for (const array of [ids, labels, weights]) sum.update(new Uint8Array(array.buffer));
    }
    expect(sum.digest('hex')).toBe(batchHash);
  });
});
