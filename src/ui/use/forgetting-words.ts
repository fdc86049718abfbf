/** What a run forgot, in words and figures. Pure. */

import type { RunView } from '../../../workers/api';
import type { Forgotten, ForgettingPart } from '../../state/forgetting.svelte';
import { loss } from '../charts/figures';

/** A row of the table. */
export interface ForgettingRow {
  readonly part: ForgettingPart;
  readonly name: string;
  /** The file, or empty. */
  readonly of: string;
  readonly before: string;
  readonly after: string;
  readonly change: string;
}

type Run = Pick<RunView, 'datasetName' | 'parent'>;

const NAMES: Readonly<Record<ForgettingPart, string>> = { new: 'New data', old: 'Old data', general: 'General text' };

const FILES: Readonly<Record<ForgettingPart, (run: Run) => string>> = {
  new: ({ datasetName }) => datasetName,
  old: ({ parent }) => parent?.datasetName ?? '',
  general: () => '',
};

/** One row for each part that can be measured; dashes where it is not yet. */
export function forgettingRows(
  run: Run,
  parts: readonly ForgettingPart[],
  known: readonly Forgotten[],
): readonly ForgettingRow[] {
  return parts.map((part) => {
    const found = known.find((one) => one.part === part);
    const [before, after] = [found?.before.loss ?? null, found?.after.loss ?? null];
    const change = before === null || after === null ? '–' : signed(after - before);
    return { part, name: NAMES[part], of: FILES[part](run), before: loss(before), after: loss(after), change };
  });
}

/** A difference with its sign. */
function signed(change: number): string {
  const text = loss(Math.abs(change));
  return Number(text) === 0 ? text : `${change < 0 ? '−' : '+'}${text}`;
}

/** Losses that rose by less are called the same. */
const NOTABLE = 0.02;

/** What the figures say, in a sentence or two; null while nothing was measured of what could be forgotten. */
export function forgettingVerdict(known: readonly Forgotten[]): string | null {
  const rises = known
    .filter(({ part }) => part !== 'new')
    .map(({ part, before, after }) => ({ part, rise: after.loss - before.loss }));
  if (rises.length === 0) return null;
  const lost = rises.filter(({ rise }) => rise > NOTABLE).map(({ part }) => (part === 'old' ? 'the old data' : 'general text'));
  if (lost.length === 0) return 'Nothing notable was forgotten.';
  const less = lost.includes('the old data') ? 'Replay of more old examples' : 'A lower learning rate, fewer passes';
  return `The run forgot some of ${lost.join(' and ')}. ${less} or a smaller adapter would keep more of it.`;
}
