/** The parts of the examples of a dataset, and how many examples, and how many of each label, each part has. */

import { indicesOf } from '../dataset/split';
import { PART, type PartName, type Parts } from '../dataset/split/split';
import type { EncodedSplit, ExampleLayout, PartCounts, PartSizes } from './types';

/** How examples are split. */
export interface ExampleParts {
  readonly parts: Parts;
  /** Indices of the examples for training that are left out, because their text stands in another part. */
  readonly removed: ReadonlySet<number>;
}

const NAMES = Object.keys(PART) as readonly PartName[];

/** Indices of the examples of a part that are used, ascending. */
export function usedIn({ parts, removed }: ExampleParts, part: PartName): Uint32Array {
  const indices = indicesOf(parts, PART[part]);
  return removed.size === 0 ? indices : indices.filter((index) => !removed.has(index));
}

/** The part of each row that gave an example which is used, by the row's origin. */
export function partsOfRows(origins: readonly number[], { parts, removed }: ExampleParts): Map<number, PartName> {
  const used = [...origins.keys()].filter((index) => !removed.has(index));
  return new Map(used.map((index) => [origins[index] ?? -1, NAMES[parts[index] ?? 0] ?? 'train']));
}

/** What the counts are taken of: all examples. */
interface Counted {
  readonly all: EncodedSplit;
  readonly layout: ExampleLayout | null;
}

export function countParts(examples: Counted, { parts, removed }: ExampleParts): PartCounts {
  const sizes = { train: -removed.size, heldOut: 0, test: 0 };
  for (const part of parts) sizes[NAMES[part] ?? 'train']++;
  const labels = countLabels(examples, parts, removed);
  return { ...sizes, removed: removed.size, ...(labels && { labels }) };
}

/** Null for examples without classes or labels. */
function countLabels({ all, layout }: Counted, parts: Parts, removed: ReadonlySet<number>): PartCounts['labels'] | null {
  const { targets } = all;
  const names = layout?.names ?? [];
  if (targets === undefined || names.length === 0) return null;
  const width = targets.length / Math.max(1, parts.length);
  const counts = names.map((name) => ({ name, train: 0, heldOut: 0, test: 0 }));
  parts.forEach((part, index) => {
    if (removed.has(index)) return;
    for (const label of labelsOf(targets.subarray(index * width, (index + 1) * width))) {
      const count = counts[label];
      if (count !== undefined) count[NAMES[part] ?? 'train']++;
    }
  });
  return counts;
}

/** Indices of the labels of a target: a class, or a flag for each label. */
function labelsOf(target: Float32Array): readonly number[] {
  if (target.length === 1) return [target[0] ?? 0];
  return [...target.keys()].filter((label) => target[label] === 1);
}

/** The counts of a large dataset of which a part was counted. */
export function scaledParts({ labels, removed, ...sizes }: PartCounts, scaled: (count: number) => number): PartCounts {
  const all = (one: PartSizes): PartSizes => ({ train: scaled(one.train), heldOut: scaled(one.heldOut), test: scaled(one.test) });
  const scaledLabels = labels?.map((one) => ({ name: one.name, ...all(one) }));
  return { ...all(sizes), removed: scaled(removed), ...(scaledLabels && { labels: scaledLabels }) };
}
