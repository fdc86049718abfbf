/** The batches of a run: what a measurement reads of the held-out examples, and what a run of an earlier version keeps. */

import { expect, test } from 'vitest';
import type { EncodedSplit } from '../../src/batch/types';
import { parseRecipe } from '../../src/recipe/recipe';
import { planBatches } from '../../src/train/batches';

const LENGTH = 32;

/** `count` documents of one row each; every token of document d is d. */
function splitOf(count: number): EncodedSplit {
  return {
    ids: Int32Array.from({ length: count * LENGTH }, (_, i) => Math.floor(i / LENGTH)),
    trained: new Uint8Array(count * LENGTH).fill(1),
    offsets: Uint32Array.from({ length: count + 1 }, (_, i) => i * LENGTH),
    lines: Uint32Array.from({ length: count }, (_, i) => i + 1),
  };
}

const HELD_OUT = 2000;
const recipe = parseRecipe({ sequenceLength: LENGTH, maxSteps: 10 });
const documentsOf = (plan: ReturnType<typeof planBatches>) => plan.heldOut.map(({ ids }) => ids[0] ?? -1);

test('a measurement reads a sample of all held-out examples, not the first ones of a sorted file', () => {
  const dataset = { train: splitOf(20), heldOut: splitOf(HELD_OUT) };
  const read = documentsOf(planBatches(dataset, recipe, 0));
  // 64 of 2,000: the mean index of a fair sample is 1,000 with a standard deviation of 72.
  expect(read.length).toBe(64);
  expect(new Set(read).size).toBe(64);
  const mean = read.reduce((sum, document) => sum + document, 0) / read.length;
  expect(Math.abs(mean - HELD_OUT / 2)).toBeLessThan(6 * 72);
  expect(documentsOf(planBatches(dataset, recipe, 0))).toEqual(read);
  expect(documentsOf(planBatches(dataset, { ...recipe, seed: 7 }, 0))).not.toEqual(read);
});

test('a measurement reads every held-out example where there are few', () => {
  const read = documentsOf(planBatches({ train: splitOf(20), heldOut: splitOf(50) }, recipe, 0));
  expect(read).toEqual([...Array(50).keys()]);
});

test('a run of the first version keeps its rows and its held-out examples', () => {
  const dataset = { train: splitOf(7), heldOut: splitOf(HELD_OUT) };
  const old = planBatches(dataset, recipe, 0, undefined, 1);
  expect(documentsOf(old)).toEqual([...Array(64).keys()]);
  // The rows of seed 42 as version 1 ordered them.
  expect([...V1_ROWS.keys()].map((index) => old.source.batch(index).ids[0])).toEqual(V1_ROWS);
});

const V1_ROWS = [5, 6, 0, 4, 3, 2, 1];
