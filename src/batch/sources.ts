/** The datasets of a mixture: which examples of a split are whose, and which ones an epoch has. */

import { inPasses, STREAM } from '../core/random';
import type { PartName } from '../dataset/split/split';
import type { MixedSource } from './types';

/** Indices from `from` up to, but not with, `to`. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Training examples of a dataset in an epoch: at least one of those that there are. */
export function drawsOf({ weight, train }: Pick<MixedSource, 'weight' | 'train'>): number {
  return train === 0 ? 0 : Math.max(1, Math.round(weight * train));
}

/**
 * The training examples of an epoch, dataset by dataset. Epochs together go through all examples of a dataset before one of them comes
 * again: a weight of 0.5 takes one half in the first epoch and the other in the second.
 */
export function drawnIn(sources: readonly MixedSource[], epoch: number, seed: number): Uint32Array {
  const parts = rangesIn(sources, 'train').map(({ from }, i) => {
    const source = sources[i];
    if (source === undefined) return [];
    const draws = drawsOf(source);
    return [...inPasses(source.train, epoch * draws, draws, seed, STREAM.mixture)].map((index) => from + index);
  });
  return Uint32Array.from(parts.flat());
}

/** The examples of each dataset in a part. */
export function rangesIn(sources: readonly MixedSource[], part: PartName): readonly Range[] {
  let from = 0;
  return sources.map((source) => ({ from, to: (from += source[part]) }));
}
