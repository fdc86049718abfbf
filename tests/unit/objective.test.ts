/** Every objective of the table, on batches with empty document slots and on batches in which nothing is learnt. */

import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { collate } from '../../src/batch/collate';
import type { Batch, EncodedSplit, ExampleLayout, RolloutInput } from '../../src/batch/types';
import { sizeOf } from '../../src/core/shape';
import { ENCODINGS } from '../../src/encoding';
import type { Executor } from '../../src/graph/executor';
import { Graph } from '../../src/graph/graph';
import { KEEP_ALL } from '../../src/graph/remat';
import { TfjsExecutor } from '../../src/graph/run-tfjs';
import { declareWeights } from '../../src/model/weights';
import { OBJECTIVES } from '../../src/objective';
import type { ExampleKind } from '../../src/objective/objective';
import type { ObjectiveKind } from '../../src/recipe/objectives';
import { parseRecipe } from '../../src/recipe/recipe';
import { jobOf } from '../../src/train/job';
import { reportsOf } from '../../src/train/reports';
import { trainingPrograms } from '../../src/train/programs';
import { TrainingSession } from '../../src/train/session';
import { parseLlama } from '../models';
import { randomFloats } from '../random';

const config = parseLlama(
  JSON.stringify({
    ...{ model_type: 'llama', hidden_size: 8, intermediate_size: 8, num_hidden_layers: 1, num_attention_heads: 2 },
    ...{ vocab_size: 16, max_position_embeddings: 16 },
  }),
);
const ROWS = 2;
const TOKENS = 16;

const labelled = (of: Parameters<typeof ENCODINGS.labelled.columns>[0]['target']): ExampleLayout => ({
  ...{ kind: 'labelled', documents: 1, columns: ENCODINGS.labelled.columns({ target: of }) },
  names: of.kind === 'numbers' ? [] : of.names,
});

/** The layout of the examples, and the targets of two of them. */
const EXAMPLES: Readonly<Record<ExampleKind, { readonly layout?: ExampleLayout; readonly targets?: readonly number[] }>> = {
  text: {},
  class: { layout: labelled({ kind: 'class', names: ['a', 'b', 'c'] }), targets: [0, 2] },
  labels: { layout: labelled({ kind: 'labels', names: ['a', 'b'] }), targets: [0, 1, 1, 1] },
  numbers: { layout: labelled({ kind: 'numbers', count: 1 }), targets: [0.5, -2] },
  rated: {
    layout: {
      kind: 'rated',
      documents: 1,
      columns: ENCODINGS.rated.columns({ target: { kind: 'class', names: [] } }),
      names: ['bad', 'good'],
    },
    targets: [1, 0],
  },
  pair: { layout: { kind: 'pair', documents: 2, columns: ENCODINGS.pair.columns({}), names: [] } },
};

/** Two examples, one in each row; the documents have 4, 5, … tokens, of which all but the first two are learnt, or none. */
function splitOf(examples: ExampleKind, learnt: boolean): EncodedSplit {
  const { layout, targets } = EXAMPLES[examples];
  const lengths = Array.from({ length: 2 * (layout?.documents ?? 1) }, (_, i) => 4 + i);
  const offsets = Uint32Array.from([0, ...lengths], (_, i) => lengths.slice(0, i).reduce((a, b) => a + b, 0));
  return {
    ids: Int32Array.from({ length: offsets.at(-1) ?? 0 }, (_, i) => (5 * i) % 16),
    trained: Uint8Array.from(lengths.flatMap((n) => Array.from({ length: n }, (_, i) => (learnt && i >= 2 ? 1 : 0)))),
    ...{ offsets, lines: Uint32Array.of(1, 2) },
    ...(targets !== undefined && { targets: Float32Array.from(targets) }),
  };
}

/** The loss, the gradient norm and the reported numbers of a step with the two examples, where each row has room for `perRow`. */
async function step(kind: ObjectiveKind, perRow: number, { learnt = true, empty = false, gradientAccumulation = 1 } = {}) {
  const { examples } = OBJECTIVES[kind];
  const { layout } = EXAMPLES[examples];
  const sizes = { microBatch: ROWS, sequenceLength: TOKENS, gradientAccumulation };
  const recipe = parseRecipe({ objective: { kind }, targetModules: ['q_proj'], ...sizes });
  const slots = layout && ({ layout, perRow, pool: 'last' } as const);
  const job = jobOf(recipe, slots, config, { config, dtypeOf: () => 'f32', write: writeRandom });
  const packing = { docs: Uint32Array.of(0, 1), starts: Uint32Array.of(0, 1, 2) };
  const shape = { rows: ROWS, rowLength: TOKENS, padId: 0, ...(slots && { slots }) };
  const batch = collate(splitOf(examples, learnt), packing, empty ? ROWS : 0, shape);
  return trained(recipe, job, job.rollout === undefined ? batch : withAnswers(batch, job.rollout, gradientAccumulation));
}

/** Tokens of answers that were worse than expected, where one is learnt. Their values are an update's, of so many micro-batches. */
function withAnswers(batch: Batch, inputs: readonly RolloutInput[], microBatches: number): Batch {
  const count = batch.weights.reduce((sum, weight) => sum + weight, 0);
  const numbers: Readonly<Record<RolloutInput, number>> = {
    ...{ advantages: -1, oldLogprobs: -3, refLogprobs: -3, oldValues: 0.1, returns: 1 },
    valueWeights: 1 / (count * microBatches),
  };
  const ofTokens = (number: number) => batch.weights.map((weight) => (weight === 0 ? 0 : number));
  return { ...batch, inputs: Object.fromEntries(inputs.map((name) => [name, ofTokens(numbers[name])])) };
}

function writeRandom(executor: Executor, graph: Graph): Promise<void> {
  graph.declared().forEach((value, i) => executor.write(value, randomFloats(sizeOf(value.shape), i)));
  return Promise.resolve();
}

async function trained(recipe: ReturnType<typeof parseRecipe>, job: ReturnType<typeof jobOf>, batch: Batch) {
  const graph = new Graph();
  declareWeights(graph, config, () => 'f32');
  const executor = new TfjsExecutor(graph, 'cpu');
  await writeRandom(executor, graph);
  const programs = trainingPrograms(graph, config, recipe, 'run', KEEP_ALL, job);
  const session = await TrainingSession.open(executor, config, programs, recipe, 1);
  const { loss, gradNorm, figures } = await session.advance({ batch: () => batch });
  executor.dispose();
  return { loss, gradNorm, report: Object.values(reportsOf(job, []).step(figures) ?? {}) };
}

beforeAll(() => tf.setBackend('cpu'));

describe.each(Object.keys(OBJECTIVES) as ObjectiveKind[])('%s', (kind) => {
  test('does not see empty slots', async () => {
    const [full, spare] = [await step(kind, 1), await step(kind, 3)];
    expect(full.loss).toBeGreaterThan(0);
    expect(full.gradNorm).toBeGreaterThan(0);
    expect(spare.loss).toBeCloseTo(full.loss, 5);
    expect(spare.gradNorm).toBeCloseTo(full.gradNorm, 5);
  });

  test('has a loss of 0 for a batch of padding', async () => {
    expect(await step(kind, 2, { empty: true })).toMatchObject({ loss: 0, gradNorm: 0 });
  });

  test('is the same mean over two equal micro-batches as over one', async () => {
    const [one, two] = [await step(kind, 2), await step(kind, 2, { gradientAccumulation: 2 })];
    const numbers = ({ loss, gradNorm, report }: typeof one) => [loss, gradNorm, ...report];
    numbers(two).forEach((found, i) => expect(found).toBeCloseTo(numbers(one)[i] ?? NaN, 5));
  });

  test('has a finite loss where no token is learnt', async () => {
    const { loss, gradNorm } = await step(kind, 2, { learnt: false });
    expect([loss, gradNorm].every(Number.isFinite)).toBe(true);
  });
});
