/** The record of a run as the page shows it: its status in words and what that allows, its name, its checkpoints. Pure. */

import type { CheckpointView, RunStatus } from '../../workers/api';

export const statusWords: Readonly<Record<RunStatus, string>> = {
  running: 'Training',
  paused: 'Paused',
  stopped: 'Stopped',
  finished: 'Finished',
  failed: 'Failed',
  interrupted: 'Interrupted',
};

/** A run of this status can be resumed from its newest checkpoint. */
export function isResumable(status: RunStatus): boolean {
  return status === 'paused' || status === 'interrupted' || status === 'failed';
}

/** Default name of a run, such as `starter on sms_spam`; numbered when it is taken. */
export function runName(modelName: string, datasetName: string, taken: readonly string[]): string {
  const name = `${modelName} on ${datasetName.replace(/\.[a-z]+$/i, '')}`;
  const numbered = (n: number): string => (n === 1 ? name : `${name} ${n}`);
  const free = Array.from({ length: taken.length + 1 }, (_, i) => numbered(i + 1)).find((one) => !taken.includes(one));
  return free ?? name;
}

/** The checkpoints with one more, which replaces that of its step: the list may have been read from the store after the save. */
export function withCheckpoint(checkpoints: readonly CheckpointView[], added: CheckpointView): CheckpointView[] {
  return [...checkpoints.filter(({ step }) => step !== added.step), added];
}
