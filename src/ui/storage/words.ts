/** Words for what this browser stores of the page. Pure. */

import type { RunView } from '../../../workers/api';
import type { Keeping } from '../../state/offline.svelte';
import type { Protection } from '../../state/space.svelte';
import { bytes, plural } from '../format';

const WORKS: Record<Keeping, string> = {
  asking: '',
  unsupported: 'no',
  forbidden: 'no',
  storing: 'not yet',
  kept: 'yes',
  failed: 'no',
};

/** Whether the page opens and trains without a network, in a few words. */
export function offlineFact(keeping: Keeping, kept: number): string {
  return keeping === 'kept' ? `yes, ${bytes(kept)} kept` : WORKS[keeping];
}

const WHY: Record<Keeping, string> = {
  asking: '',
  unsupported: 'This page can’t be kept for offline use: that needs https or localhost, and not a private window of Firefox.',
  forbidden: 'The host of this page does not offer it for offline use.',
  storing: 'The files of the page are being stored for offline use.',
  kept: '',
  failed: '',
};

/** Why the page does not work offline; empty when it does. */
export function offlineReason(keeping: Keeping, reason: string): string {
  return keeping === 'failed' ? `The page could not be kept for offline use: ${reason}.` : WHY[keeping];
}

/** What the browser answered when the page asked it to keep its data. */
export const PROTECTION_WORDS: Record<Protection, string> = {
  unsupported: 'This browser does not say how much it stores, and may delete it.',
  open: 'The browser may delete all of it when the disk is nearly full. When a run starts, Finetab asks it not to.',
  granted: 'The browser keeps all of it until you delete it.',
  refused:
    'The browser was asked to keep all of it, and refused: it may delete it when the disk is nearly full. Download what you need.',
};

/** `38.1 MB of 61 GB`; empty until it is known. */
export function usedFact(used: number | null, quota: number | null): string {
  if (used === null) return '';
  return quota === null ? bytes(used) : `${bytes(used)} of ${bytes(quota)}`;
}

/** What a reload brings: a new version, or on hosts that do not isolate the page all cores of the processor. */
export type OfferKind = 'version' | 'cores';

export const OFFERS: Record<OfferKind, { readonly title: string; readonly button: string }> = {
  version: { title: 'A new version of Finetab is ready.', button: 'Reload with it' },
  cores: { title: 'After a reload, training uses all cores of the processor.', button: 'Reload' },
};

/** Why the page can't be reloaded now, or empty. `otherTabs` hinder a new version. */
export function reloadBlocker(training: boolean, otherTabs: number): string {
  if (training) return 'Possible when the run has ended.';
  if (otherTabs === 0) return '';
  return `Close the ${otherTabs === 1 ? 'other tab' : plural(otherTabs, 'other tab')} of Finetab first.`;
}

/** Bytes of the models kept in this browser. */
export const bytesOfModels = (models: readonly { readonly bytes: number }[]): number =>
  models.reduce((sum, model) => sum + model.bytes, 0);

/** Bytes of the checkpoints of runs. */
export const bytesOfRuns = (runs: readonly Pick<RunView, 'checkpoints'>[]): number =>
  runs.flatMap((run) => run.checkpoints).reduce((sum, checkpoint) => sum + checkpoint.bytes, 0);

/** Bytes of the datasets kept in this browser. */
export const bytesOfData = (datasets: readonly { readonly bytes: number }[]): number =>
  datasets.reduce((sum, dataset) => sum + dataset.bytes, 0);
