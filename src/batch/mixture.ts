/** Mixtures: several datasets in one run, each with a weight (multi-task training). */

import { CodedError } from '../core/errors';
import { sha256 } from '../core/hash';
import type { Recipe } from '../recipe/recipe';
import { hashOf, packed } from './encode';
import { exampleAt, SplitWriter } from './split-writer';
import type { EncodedDataset, EncodedSplit, EncodedStats, ExampleLayout, MixedSource, PartCounts } from './types';

/** A dataset of a mixture. */
export interface Ingredient {
  readonly name: string;
  /** How often an epoch has each of its training examples, on average. */
  readonly weight: number;
  readonly dataset: EncodedDataset;
}

export type MixtureSettings = Pick<Recipe, 'seed' | 'sequenceLength'> & {
  /** At the start of each document; none when absent. */
  readonly virtualTokens?: number;
};

/**
 * One dataset of several: the examples of each part stand one dataset after the other. How often an epoch has them is decided when batches
 * are made, so that no example is stored twice. Throws `recipe/invalid` for data of different forms.
 */
export async function mixtureOf(all: readonly [Ingredient, ...Ingredient[]], settings: MixtureSettings): Promise<EncodedDataset> {
  const [first, ...others] = all;
  for (const other of others) checkForm(first, other);
  const { layout, kind } = first.dataset;
  const part = (splitOf: (dataset: EncodedDataset) => EncodedSplit | undefined) =>
    joined(
      all.map(({ dataset }) => splitOf(dataset)),
      layout,
    );
  const [train, heldOut, test] = [part((one) => one.train), part((one) => one.heldOut), part((one) => one.test)];
  const sources = all.map(sourceOf);
  const parts = test.lines.length > 0 ? [train, heldOut, test] : [train, heldOut];
  return {
    ...(layout && { layout }),
    ...(kind && others.every((other) => other.dataset.kind === kind) && { kind }),
    ...{ train, heldOut, ...(test.lines.length > 0 && { test }), sources },
    hash: await sha256((await hashOf(parts, layout ?? null)) + JSON.stringify(sources)),
    stats: { ...sumOf(all.map(({ dataset }) => dataset.stats)), ...packed(train, layout ?? null, settings, sources) },
  };
}

function sourceOf({ name, weight, dataset: { train, heldOut, test } }: Ingredient): MixedSource {
  return { name, weight, train: train.lines.length, heldOut: heldOut.lines.length, test: test?.lines.length ?? 0 };
}

/** What a model learns from all must be the same: the form, the classes or labels in their order, the number of outputs. */
function checkForm(first: Ingredient, other: Ingredient): void {
  const form = ({ dataset: { layout } }: Ingredient) => JSON.stringify(layout ?? null);
  if (form(first) === form(other)) return;
  const message = `The examples of ${other.name} have another form or other labels than those of ${first.name}, so that one run can’t learn from both. Take it out of the mixture, or use its columns in the same way.`;
  throw new CodedError('recipe/invalid', message, [{ where: 'mixture', message }]);
}

function joined(splits: readonly (EncodedSplit | undefined)[], layout: ExampleLayout | undefined): EncodedSplit {
  const writer = new SplitWriter();
  for (const split of splits.filter((one) => one !== undefined))
    for (const index of split.lines.keys()) writer.add(exampleAt(split, index, layout?.documents ?? 1));
  return writer.finish();
}

/** The counts of all together; the histogram is that of the first, whose width it has. */
function sumOf(all: readonly EncodedStats[]): EncodedStats {
  const [first] = all;
  if (first === undefined) throw new RangeError('a mixture of nothing');
  const sum = (of: (stats: EncodedStats) => number) => all.reduce((total, stats) => total + of(stats), 0);
  const examples = sum((stats) => stats.examples);
  return {
    ...first,
    examples,
    tokens: sum((stats) => stats.tokens),
    trainedTokens: sum((stats) => stats.trainedTokens),
    truncated: sum((stats) => stats.truncated),
    droppedCount: sum((stats) => stats.droppedCount),
    maxLength: Math.max(...all.map((stats) => stats.maxLength)),
    meanLength: sum((stats) => stats.meanLength * stats.examples) / Math.max(1, examples),
    parts: partsOf(all.map((stats) => stats.parts)),
  };
}

function partsOf(all: readonly (PartCounts | undefined)[]): PartCounts {
  const sum = (name: 'train' | 'heldOut' | 'test' | 'removed') => all.reduce((total, parts) => total + (parts?.[name] ?? 0), 0);
  return { train: sum('train'), heldOut: sum('heldOut'), test: sum('test'), removed: sum('removed') };
}
