/** The weights of classes and labels, and what they change in batches. */

import { describe, expect, test } from 'vitest';
import { createFixedBatches } from '../../src/batch/batches';
import type { EncodedSplit, ExampleLayout } from '../../src/batch/types';
import { ENCODINGS } from '../../src/encoding';
import { parseRecipe } from '../../src/recipe/recipe';
import { countOf } from '../../src/train/batch-writer';
import { classWeightsOf } from '../../src/train/class-weights';
import { jobOf, slotsOf } from '../../src/train/job';
import { parseLlama } from '../models';

const layoutOf = (kind: 'class' | 'labels', names: readonly string[]): ExampleLayout => ({
  ...{ kind: 'labelled', documents: 1, columns: ENCODINGS.labelled.columns({ target: { kind, names } }), names },
});

/** Examples of two tokens. */
const splitOf = (targets: readonly number[], rows: number): EncodedSplit => ({
  ...{ ids: new Int32Array(2 * rows), trained: new Uint8Array(2 * rows), targets: Float32Array.from(targets) },
  ...{
    offsets: Uint32Array.from({ length: rows + 1 }, (_, i) => 2 * i),
    lines: Uint32Array.from({ length: rows }, (_, i) => i + 2),
  },
});

const CLASSES = { layout: layoutOf('class', ['ham', 'spam', 'none']), train: splitOf([0, 0, 0, 1, 0, 0], 6) };
const LABELS = { layout: layoutOf('labels', ['a', 'b', 'c']), train: splitOf([1, 0, 1, 0, 0, 1, 0, 0, 1, 1, 0, 1], 4) };
const recipeOf = (objective: object) => parseRecipe({ objective, sequenceLength: 8, microBatch: 1 });
const weightsOf = (objective: object, data: typeof CLASSES) => classWeightsOf(recipeOf(objective).objective, data);

const config = parseLlama(
  JSON.stringify({
    ...{ model_type: 'llama', hidden_size: 8, intermediate_size: 8, num_hidden_layers: 1, num_attention_heads: 2 },
    ...{ vocab_size: 16, max_position_embeddings: 16 },
  }),
);

describe('class weights', () => {
  test('are absent unless the recipe asks for them', () => {
    expect(weightsOf({ kind: 'classify' }, CLASSES)).toBeUndefined();
    expect(weightsOf({ kind: 'regress' }, CLASSES)).toBeUndefined();
    expect(weightsOf({ kind: 'classify', weights: { spam: 4 } }, CLASSES)).toBeUndefined();
  });

  test('that are balanced are those of scikit-learn, and 1 where a class has no training example', () => {
    // compute_class_weight('balanced'): 6 / (3 · 5) and 6 / (3 · 1).
    expect(weightsOf({ kind: 'classify', weighting: 'balanced' }, CLASSES)).toEqual([6 / 15, 6 / 3, 1]);
  });

  test('of labels are the rows without a label for each row with it', () => {
    expect(weightsOf({ kind: 'multi-label', weighting: 'balanced' }, LABELS)).toEqual([1, 1, 1]);
    const rare = { ...LABELS, train: splitOf([1, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1], 4) };
    expect(weightsOf({ kind: 'multi-label', weighting: 'balanced' }, rare)).toEqual([3, 1, 1 / 3]);
  });

  test('by hand have the names of labels, and others are refused', () => {
    expect(weightsOf({ kind: 'classify', weighting: 'by-hand', weights: { spam: 4 } }, CLASSES)).toEqual([1, 4, 1]);
    expect(() => weightsOf({ kind: 'classify', weighting: 'by-hand', weights: { spma: 4 } }, CLASSES)).toThrow(
      'Weights are given for “spma”, which the data do not have. Their labels are “ham”, “spam”, “none”.',
    );
    expect(() => recipeOf({ kind: 'classify', weights: { spam: 0 } })).toThrow(
      'Weights by hand must be numbers from 0.001 to 1,000',
    );
  });
});

test('a batch counts its examples by the weights of their classes, and says which are where', () => {
  const recipe = recipeOf({ kind: 'classify', weighting: 'by-hand', weights: { spam: 4 } });
  const slots = slotsOf(CLASSES, recipe, config);
  const batches = createFixedBatches(CLASSES.train, { ...recipe, ...(slots && { slots }) }, Infinity);
  const [first, second] = [batches.batch(0), batches.batch(1)];
  expect([first.placed, second.placed].map((placed) => [...(placed ?? [])])).toEqual([
    [0, 1, 2, 3],
    [4, 5, -1, -1],
  ]);
  expect([...(first.inputs?.documentWeights ?? [])]).toEqual([1, 1, 1, 4]);
  expect([countOf(first), countOf(second)]).toEqual([7, 2]);
  expect(slots && jobOf(recipe, slots, config).labelWeights).toBeUndefined();
});

test('the weights of labels are a matter of the loss', () => {
  const recipe = recipeOf({ kind: 'multi-label', weighting: 'balanced' });
  const slots = slotsOf(LABELS, recipe, config);
  const batch = createFixedBatches(LABELS.train, { ...recipe, ...(slots && { slots }) }, Infinity).batch(0);
  expect(countOf(batch)).toBe(4);
  expect([...(batch.inputs?.documentWeights ?? [])]).toEqual([1, 1, 1, 1]);
  expect(slots && jobOf(recipe, slots, config).labelWeights).toEqual([1, 1, 1]);
});
