// Rated answers (KTO): how they are encoded, that mismatched documents have each question with the answer of the example before, and what
// the objective reports and advises.
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Situation } from '../../src/advice';
import { ratingBalance } from '../../src/advice/rating-balance';
import { createBatches } from '../../src/batch/batches';
import { Preparation } from '../../src/batch/preparation';
import { planSlots } from '../../src/batch/slots';
import { SplitWriter } from '../../src/batch/split-writer';
import type { Batch, EncodedSplit, ExampleLayout } from '../../src/batch/types';
import { ENCODINGS } from '../../src/encoding';
import type { InputName } from '../../src/encoding/encoding';
import { Graph } from '../../src/graph/graph';
import { gradient } from '../../src/graph/gradient';
import { TfjsExecutor } from '../../src/graph/run-tfjs';
import { KEEP_ALL } from '../../src/graph/remat';
import { parseConfig } from '../../src/model/families';
import { declareWeights } from '../../src/model/weights';
import { kto } from '../../src/objective/kto';
import { parseRecipe } from '../../src/recipe/recipe';
import { planBatches } from '../../src/train/batches';
import { checkRecipe } from '../../src/train/check-recipe';
import { jobOf } from '../../src/train/job';
import { trainingPrograms } from '../../src/train/programs';
import { TrainingSession } from '../../src/train/session';
import { sizeOf } from '../../src/core/shape';
import { mul } from '../../kernels/mul';
import { randomFloats } from '../random';
import { filesOf } from './tokenizer-files';

const KTO = { loss: 'kto', beta: 0.1, desirableWeight: 1, undesirableWeight: 1 } as const;

const ROW = 20;
const TARGET = { kind: 'class', names: ['bad', 'good'] } as const;
const LAYOUT: ExampleLayout = {
  kind: 'rated',
  documents: 1,
  columns: ENCODINGS.rated.columns({ target: TARGET }),
  names: TARGET.names,
};

/** Examples with that many tokens of question and answer; every token is another one, that of questions odd, of answers even. */
function splitOf(lengths: readonly (readonly [number, number])[]): EncodedSplit {
  const writer = new SplitWriter();
  let id = 0;
  lengths.forEach(([question, answer], i) => {
    const ids = Array.from({ length: question + answer }, (_, t) => 2 * ++id + (t < question ? 1 : 0));
    const trained = ids.map((_, t) => (t < question ? 0 : 1));
    writer.add({ documents: [{ ids, trained }], target: [i % 2], line: i + 1 });
  });
  return writer.finish();
}

const input = (batch: Batch, name: InputName): readonly number[] => [...(batch.inputs?.[name] ?? [])];

/** Question and answer of each document of a batch by its slot, in the order of the rows. */
function documentsOf(
  ids: readonly number[],
  slots: readonly number[],
): ReadonlyMap<number, { question: number[]; answer: number[] }> {
  const found = new Map<number, { question: number[]; answer: number[] }>();
  slots.forEach((slot, i) => {
    const id = ids[i] ?? -1;
    if (slot < 0) return;
    const one = found.get(slot) ?? { question: [], answer: [] };
    (id % 2 === 1 ? one.question : one.answer).push(id);
    found.set(slot, one);
  });
  return found;
}

const lengths = fc.array(fc.tuple(fc.integer({ min: 1, max: ROW / 2 }), fc.integer({ min: 1, max: ROW / 2 })), {
  minLength: 1,
  maxLength: 24,
});

describe('mismatched documents', () => {
  it('have the question of each example and the answer of the one before, and fit into the rows', () => {
    const property = fc.property(lengths, fc.integer({ min: 1, max: 3 }), fc.nat(), (all, microBatch, seed) => {
      const split = splitOf(all);
      const slots = planSlots(split, LAYOUT, ROW);
      const batches = createBatches(split, { microBatch, sequenceLength: ROW, seed, slots });
      for (let step = 0; step < batches.microStepsPerEpoch(0); step++) check(batches.batch(0, step));
    });
    fc.assert(property, { numRuns: 60 });
  });

  function check(batch: Batch): void {
    const matched = [...documentsOf([...batch.ids], input(batch, 'documents'))];
    const slots = input(batch, 'mismatchedDocuments');
    const other = documentsOf(input(batch, 'mismatchedIds'), slots);
    const shares = input(batch, 'mismatchedShares');
    if (matched.length < 2) {
      expect([other.size, Math.max(...shares), Math.max(...input(batch, 'mismatchedWeights'))]).toEqual([0, 0, 0]);
      return;
    }
    expect([...other.keys()]).toEqual(matched.map(([slot]) => slot));
    matched.forEach(([slot, { question }], k) => {
      const { answer } = matched.at(k - 1)?.[1] ?? { answer: [] };
      const found = other.get(slot) ?? { question: [], answer: [] };
      expect(found.question).toEqual(question);
      expect(found.answer).toEqual(answer.slice(0, found.answer.length));
      expect(found.answer.length).toBeGreaterThan(0);
      if (k > 0 && rowOf(batch, matched[k - 1]?.[0] ?? -1) === rowOf(batch, slot)) expect(found.answer).toEqual(answer);
      expect(shares[slot]).toBeCloseTo(1 / matched.length, 6);
    });
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 5);
    checkTokens(batch, slots);
  }

  const rowOf = (batch: Batch, slot: number) => Math.floor(input(batch, 'documents').indexOf(slot) / ROW);

  /** Positions, labels and weights are those of the tokens; a row is not left out in the middle. */
  function checkTokens(batch: Batch, slots: readonly number[]): void {
    const [ids, positions, labels, weights] = (['Ids', 'Positions', 'Labels', 'Weights'] as const).map((name) =>
      input(batch, `mismatched${name}`),
    );
    slots.forEach((slot, i) => {
      const next = slots[i + 1] === slot && (i + 1) % ROW > 0;
      if (slot < 0) expect(i % ROW === 0 ? -1 : (slots[i + 1] ?? -1) * ((i + 1) % ROW > 0 ? 1 : 0)).toBeLessThanOrEqual(0);
      else if (slots[i - 1] !== slot) expect(positions?.[i]).toBe(0);
      else expect(positions?.[i]).toBe((positions?.[i - 1] ?? NaN) + 1);
      expect(labels?.[i]).toBe(slot >= 0 && next ? ids?.[i + 1] : -1);
      expect(weights?.[i]).toBe(slot >= 0 && next && (ids?.[i + 1] ?? 1) % 2 === 0 ? 1 : 0);
    });
  }

  it('cut the first answer of a row where it is longer than what the row has left', () => {
    // Rows of one example each: the second question leaves room for 2 of the first answer's 15 tokens.
    const split = splitOf([
      [5, 15],
      [18, 2],
    ]);
    const slots = planSlots(split, LAYOUT, ROW);
    const batch = createBatches(split, { microBatch: 2, sequenceLength: ROW, seed: 1, slots }).batch(0, 0);
    const sizes = [...documentsOf(input(batch, 'mismatchedIds'), input(batch, 'mismatchedDocuments')).values()].map(
      ({ question, answer }) => [question.length, answer.length],
    );
    expect(sizes.sort(([a = 0], [b = 0]) => a - b)).toEqual([
      [5, 2],
      [18, 2],
    ]);
  });
});

describe('rated answers of a file', () => {
  const rows = Array.from({ length: 12 }, (_, i) => ({ prompt: `Say ${i}`, completion: `It is ${i}.`, label: i % 3 > 0 }));
  const file = new File([rows.map((row) => JSON.stringify(row)).join('\n')], 'rated.jsonl');
  const SETTINGS = { sequenceLength: 64, heldOutRatio: 0, seed: 1, lossOn: 'assistant', encoding: { kind: 'rated' } } as const;
  async function opened(): Promise<Preparation> {
    const preparation = new Preparation();
    await preparation.open(file);
    await preparation.setTokenizer(filesOf('starter'));
    return preparation;
  }

  it('are all encoded, with their ratings as targets, and counted by rating', async () => {
    const { train, layout, stats } = await (await opened()).encode(SETTINGS);
    expect([...(train.targets ?? [])].sort()).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]);
    expect(layout).toEqual(LAYOUT);
    expect(stats.parts?.labels).toMatchObject([
      { name: 'bad', train: 4 },
      { name: 'good', train: 8 },
    ]);
  });

  it('are shown with their rating', async () => {
    const preparation = await opened();
    const preview = async (index: number) => (await preparation.preview(index, SETTINGS)).target;
    expect([await preview(0), await preview(1)]).toEqual([['bad'], ['good']]);
  });
});

describe('the report', () => {
  const figures = (good: readonly number[], rewards: readonly number[], weights: readonly number[], kl: number) => ({
    good: [Float32Array.from(good)],
    rewards: [Float32Array.from(rewards)],
    logps: [Float32Array.from(rewards, (reward) => -10 * reward)],
    weights: [Float32Array.from(weights)],
    kl: [Float32Array.of(kl)],
  });

  it('has the means of good and of bad answers, without empty slots', () => {
    expect(kto.report?.(figures([1, 0, 1, 0], [1, 3, 2, 99], [0.25, 0.25, 0.25, 0], 0.5), KTO)).toEqual({
      ...{ 'rewards/chosen': 1.5, 'rewards/rejected': 3, 'rewards/margins': -1.5 },
      ...{ 'logps/chosen': -15, 'logps/rejected': -30, kl: 0.5 },
    });
  });

  it('leaves out what there is no answer for', () => {
    expect(kto.report?.(figures([1, 1], [1, 3], [0.5, 0.5], 0), KTO)).toEqual({
      'rewards/chosen': 2,
      'logps/chosen': -20,
      kl: 0,
    });
  });
});

describe('advice on the weights', () => {
  const said = (bad: number, good: number, weights: object = {}) => {
    const labels = [bad, good].map((train, i) => ({ name: TARGET.names[i] ?? '', train, heldOut: 0, test: 0 }));
    const recipe = parseRecipe({ version: 2, objective: { kind: 'kto', ...weights } });
    const stats = { parts: { train: bad + good, heldOut: 0, test: 0, removed: 0, labels } };
    return ratingBalance({ recipe, stats } as unknown as Situation) ?? undefined;
  };

  it('is silent where the good ones count 1 to 1.33 times as much as the bad ones', () => {
    expect([said(50, 50), said(100, 120), said(300, 100, { desirableWeight: 3.5 })]).toEqual([undefined, undefined, undefined]);
  });

  it.each([
    [300, 100, 'desirable', 3.5],
    [100, 300, 'undesirable', 2.57],
  ] as const)(
    'of %d bad and %d good answers raises the weight of the rarer kind, which then is right',
    (bad, good, kind, weight) => {
      const found = said(bad, good);
      expect(found?.fixes).toMatchObject([{ kind: 'settings', values: { [`objective.${kind}Weight`]: weight } }]);
      expect(said(bad, good, { [`${kind}Weight`]: weight })).toBeUndefined();
    },
  );

  it('names answers of one kind only', () => {
    expect(said(0, 9)).toMatchObject({
      text: expect.stringContaining('All 9 answers for training are rated as good') as string,
      fixes: [],
    });
  });
});

describe('a run', () => {
  const model = { model_type: 'llama', hidden_size: 8, intermediate_size: 16, num_hidden_layers: 1, num_attention_heads: 2 };
  const config = parseConfig(JSON.stringify({ ...model, vocab_size: 128, max_position_embeddings: ROW }));
  const recipe = parseRecipe({
    ...{ version: 2, objective: { kind: 'kto' }, method: { kind: 'lora', targetModules: ['q_proj', 'v_proj'] } },
    ...{ microBatch: 2, gradientAccumulation: 2, sequenceLength: ROW, learningRate: 0.05 },
  });
  const split = splitOf(Array.from({ length: 9 }, (_, i) => [2 + (i % 3), 2 + (i % 4)] as const));
  const slots = planSlots(split, LAYOUT, ROW);
  const steps = 6;

  async function session() {
    const graph = new Graph();
    declareWeights(graph, config, () => 'f32');
    const executor = new TfjsExecutor(graph, 'cpu');
    graph.declared().forEach((value, i) => executor.write(value, randomFloats(sizeOf(value.shape), i)));
    const programs = trainingPrograms(graph, config, recipe, 'run', KEEP_ALL, jobOf(recipe, slots, config));
    return TrainingSession.open(executor, config, programs, recipe, steps);
  }
  const source = () => planBatches({ train: split, heldOut: split }, recipe, null, slots).source;

  it('that is resumed has the same bytes as one that was not, and learns to tell good answers from bad ones', async () => {
    await tf.setBackend('cpu');
    const [whole, first, second] = [await session(), await session(), await session()];
    const reports: Readonly<Record<string, number>>[] = [];
    const batches = source();
    for (let i = 0; i < steps; i++) reports.push(kto.report?.((await whole.advance(batches)).figures, KTO) ?? {});
    for (let i = 0; i < 3; i++) await first.advance(source());
    second.restore(await first.snapshot());
    for (let i = 3; i < steps; i++) await second.advance(source());
    const [a, b] = [await whole.snapshot(), await second.snapshot()];
    expect([b.step, b.parameters, b.m, b.v]).toEqual([a.step, a.parameters, a.m, a.v]);
    expect(reports[0]).toMatchObject({ 'rewards/margins': 0, kl: 0 });
    expect(reports.at(-1)?.['rewards/margins']).toBeGreaterThan(0);
    expect(Math.max(...reports.map(({ kl = NaN }) => kl))).toBeGreaterThan(0);
  });

  it('is refused with a trained prompt, which mismatched answers have no place for', () => {
    const of = (loss: string) =>
      checkRecipe(
        config,
        parseRecipe({ ...recipe, objective: { kind: 'kto', loss }, method: { kind: 'prompt', virtualTokens: 4 } }),
      );
    expect(() => of('kto')).toThrow(/a trained prompt has no place in the mismatched answers/);
    expect(() => of('apo_zero_unpaired')).not.toThrow();
  });

  it('needs room for two answers in a batch, unless it has no estimate of the divergence', () => {
    const one = { ...slots, perRow: 1 };
    const of = (settings: object) => jobOf(parseRecipe({ ...recipe, ...settings }), one, config);
    expect(() => of({ microBatch: 1 })).toThrow(/room for one example only. Raise “Rows at once” to 2/);
    expect(of({ microBatch: 2 }).documents).toBe(2);
    expect(of({ microBatch: 1, objective: { kind: 'kto', loss: 'apo_zero_unpaired' } }).documents).toBe(1);
  });
});

it('what is built as a constant has no gradient', () => {
  const graph = new Graph();
  const x = graph.declare('x', 'trainable', [3]);
  const [seed, program] = [graph.declare('seed', 'input', [3]), graph.program('p')];
  const square = program.within({ constant: true }, () => mul(program, x, x));
  const cube = mul(program, square, x);
  const found = gradient(program, new Map([[cube, seed]]), [x]).get(x);
  const made = program.nodes.find(({ outputs }) => found !== undefined && outputs.includes(found));
  // d(c·x)/dx = c, with c = x² held constant.
  expect([made?.op.name, made?.inputs]).toEqual(['mul', expect.arrayContaining([square])]);
});
