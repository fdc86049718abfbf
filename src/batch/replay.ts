/**
 * Replay: examples of the data of an earlier run are mixed into those of a new one, so that what was learnt is not forgotten (rehearsal;
 * Robins 1995, doi 10.1080/09540099550039318).
 */

import { CodedError } from '../core/errors';
import { sha256 } from '../core/hash';
import { permutation, STREAM } from '../core/random';
import { replayCount } from '../recipe/init';
import type { Recipe } from '../recipe/recipe';
import { hashOf, packed } from './encode';
import { exampleAt, SplitWriter, type SplitExample } from './split-writer';
import type { EncodedDataset, EncodedSplit, EncodedStats, ExampleLayout } from './types';

export type ReplaySettings = Pick<Recipe, 'replay' | 'seed' | 'sequenceLength'> & {
  /** At the start of each document; none when absent. */
  readonly virtualTokens?: number;
};

/** Data with replayed examples. */
export interface Replayed {
  readonly dataset: EncodedDataset;
  /** Examples that were mixed in: fewer than the share where the old data have no more. */
  readonly examples: number;
  /** Old training examples that could be. */
  readonly available: number;
}

/**
 * The new data with a share of the old training examples among their own; what is held out and for the test stays. Which ones are taken
 * depends on the seed alone. Old texts are cut to the sequence length; old pairs and labelled examples that are longer are left out. Throws
 * `recipe/invalid` for old data of another form.
 */
export async function withReplay(fresh: EncodedDataset, old: EncodedDataset, settings: ReplaySettings): Promise<Replayed> {
  checkForm(fresh.layout, old.layout);
  const usable = usableExamples(old, settings);
  const count = replayCount(settings.replay, fresh.train.lines.length, usable.length);
  if (count === 0) return { dataset: fresh, examples: 0, available: usable.length };
  const chosen = permutation(usable.length, settings.seed, 0, STREAM.replay).subarray(0, count).sort();
  const train = joined(
    fresh,
    [...chosen].flatMap((index) => usable[index] ?? []),
  );
  const parts = fresh.test === undefined ? [train, fresh.heldOut] : [train, fresh.heldOut, fresh.test];
  const sources = fresh.sources && [...fresh.sources, { name: 'Replay', weight: 1, train: count, heldOut: 0, test: 0 }];
  const mixed = sources && { sources };
  const content = await hashOf(parts, fresh.layout ?? null);
  const hash = sources === undefined ? content : await sha256(content + JSON.stringify(sources));
  const stats = statsWith({ ...fresh, ...mixed }, train, settings);
  return { dataset: { ...fresh, ...mixed, train, hash, stats }, examples: count, available: usable.length };
}

/** What a model learns from both must be the same: the form, the classes or labels in their order, the number of outputs. */
function checkForm(fresh: ExampleLayout | undefined, old: ExampleLayout | undefined): void {
  if (JSON.stringify(fresh ?? null) === JSON.stringify(old ?? null)) return;
  const message =
    'The old examples have another form or other labels than the new ones, so that they can’t be mixed. Set Replay to 0, or train for the objective and the labels of the old run.';
  throw new CodedError('recipe/invalid', message, [{ where: 'replay', message }]);
}

/** The training examples that fit into a row with their virtual tokens, the texts among them cut to it. */
function usableExamples({ train, layout }: EncodedDataset, settings: ReplaySettings): readonly SplitExample[] {
  const { documents = 1 } = layout ?? {};
  const room = settings.sequenceLength - documents * (settings.virtualTokens ?? 0);
  const all = Array.from(train.lines, (_, index) => exampleAt(train, index, documents));
  return all.flatMap((example) => (layout === undefined ? cut(example, room) : fits(example, room) ? [example] : []));
}

function fits({ documents }: SplitExample, length: number): boolean {
  return documents.reduce((sum, { ids }) => sum + ids.length, 0) <= length;
}

/** None when no trained token is left. */
function cut(example: SplitExample, length: number): readonly SplitExample[] {
  const documents = example.documents.map(({ ids, trained }) => ({
    ids: ids.slice(0, length),
    trained: trained.slice(0, length),
  }));
  return documents.some(({ trained }) => trained.includes(1)) ? [{ ...example, documents }] : [];
}

function joined({ train, layout }: EncodedDataset, replayed: readonly SplitExample[]): EncodedSplit {
  const writer = new SplitWriter();
  for (const index of train.lines.keys()) writer.add(exampleAt(train, index, layout?.documents ?? 1));
  for (const example of replayed) writer.add(example);
  return writer.finish();
}

/** The counts with the replayed examples; lengths and dropped rows are those of the new data. */
function statsWith(
  { stats, train: before, layout, sources }: EncodedDataset,
  train: EncodedSplit,
  settings: ReplaySettings,
): EncodedStats {
  const trainedIn = (split: EncodedSplit) => split.trained.reduce((sum, flag) => sum + flag, 0);
  const added = train.lines.length - before.lines.length;
  return {
    ...stats,
    examples: stats.examples + added,
    tokens: stats.tokens + train.ids.length - before.ids.length,
    trainedTokens: stats.trainedTokens + trainedIn(train) - trainedIn(before),
    ...packed(train, layout ?? null, settings, sources),
    ...(stats.parts && { parts: { ...stats.parts, train: stats.parts.train + added } }),
  };
}
