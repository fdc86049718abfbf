/** How the rows of the dataset are split: what the Split tab changes in the recipe, and the leakage that was found. */

import type { DatasetView, EncodedStats, LeakReport } from '../../workers/api';
import { defaultDataStep, type DataStepKind } from '../recipe/data-steps';
import { defaultSplit, isSplitKind, type SplitKindName } from '../recipe/splits';
import { addSteps, draftSteps } from './cleaning.svelte';
import { data, type DataState } from './data.svelte';
import { failureOf, type Failure } from './failure';
import { recipe } from './recipe.svelte';

/** Data with more tokens are compared on request only: it would hold up everything else that asks the data worker. */
export const MOST_COMPARED = 5_000_000;

export class SplitState {
  readonly #data: DataState;
  /** The leakage of `of`; null where it is not known, or the data are too large to be compared. */
  leaks = $state.raw<LeakReport | null>(null);
  /** The statistics of the data that were compared last. */
  #of = $state.raw<EncodedStats | null>(null);
  comparing = $state(false);
  failure = $state.raw<Failure | null>(null);
  #turn = 0;

  constructor(owner: DataState) {
    this.#data = owner;
  }

  /** The data as they are now were compared. */
  readonly compared = $derived.by(() => this.#of !== null && this.#of === this.#data.stats);

  /** Compares the texts of the parts; the newest question wins. */
  async compare(): Promise<void> {
    const turn = ++this.#turn;
    const { stats } = this.#data;
    if (stats === null) return;
    this.comparing = true;
    this.failure = null;
    try {
      const leaks = await this.#data.askEncoded((api, options) => api.leaks(options));
      if (turn !== this.#turn) return;
      [this.leaks, this.#of] = [leaks, stats];
    } catch (error) {
      if (turn === this.#turn) this.failure = failureOf(error);
    } finally {
      if (turn === this.#turn) this.comparing = false;
    }
  }
}

/** The columns that a way to split can read; the empty name is the label. */
export function columnsFor(kind: SplitKindName, { split, columns }: DatasetView, numbers: boolean): readonly string[] {
  const { labels, strata, groups, times, parts } = split;
  if (kind === 'stratified') return [...(labels && !numbers ? [''] : []), ...strata];
  if (kind === 'group') return groups;
  if (kind === 'time') return times;
  if (kind === 'column')
    return parts === null ? [] : [parts, ...columns.map(({ name }) => name).filter((name) => name !== parts)];
  return [];
}

/** The settings of the draft that every split has, valid or not. */
export function draftSplit(): { readonly kind: unknown; readonly column: unknown; readonly leaks: unknown } {
  return { kind: recipe.at('split.kind'), column: recipe.at('split.column'), leaks: recipe.at('split.leaks') };
}

/** Takes another way to split, with a column for those that read one. What is done about leaks stays. */
export function chooseSplit(kind: SplitKindName, column = ''): void {
  const { leaks } = draftSplit();
  const settings = defaultSplit(kind);
  recipe.set('split', { ...settings, ...('column' in settings && { column }), leaks: leaks ?? settings.leaks });
}

/** Whether rows for training that leak are left out. */
export function removeLeaks(remove: boolean): void {
  recipe.set('split.leaks', remove ? 'remove' : 'report');
}

/** The steps that drop duplicates, as far as the recipe does not have them. */
export function missingDuplicateSteps(): readonly DataStepKind[] {
  const kinds = draftSteps().map(({ kind }) => kind);
  return (['drop-duplicates', 'drop-near-duplicates'] as const).filter((kind) => !kinds.includes(kind));
}

export function dropDuplicates(): void {
  addSteps(missingDuplicateSteps().map(defaultDataStep));
}

/** The labels that a part lacks though it has examples: each part that lacks some, with their names. */
export function missingLabels({
  parts,
}: Pick<EncodedStats, 'parts'>): readonly { readonly part: 'heldOut' | 'test' | 'train'; readonly names: readonly string[] }[] {
  const labels = parts?.labels ?? [];
  return (['train', 'heldOut', 'test'] as const).flatMap((part) => {
    const names = labels
      .filter((label) => label[part] === 0 && label.train + label.heldOut + label.test > 0)
      .map(({ name }) => name);
    return (parts?.[part] ?? 0) > 0 && names.length > 0 ? [{ part, names }] : [];
  });
}

export const chosenKind = (): SplitKindName | null => {
  const { kind } = draftSplit();
  return isSplitKind(kind) ? kind : null;
};

export const splitState = new SplitState(data);
