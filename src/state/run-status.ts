/** What the states of a run mean, in words and for what can be done. Pure. */

import type { RunStatus } from '../../workers/api';

export const statusWords: Readonly<Record<RunStatus, string>> = {
  running: 'Training',
  paused: 'Paused',
  stopped: 'Stopped',
  finished: 'Finished',
  failed: 'Failed',
  interrupted: 'Interrupted',
};

/** A run in this state can go on from its newest checkpoint. */
export function isResumable(status: RunStatus): boolean {
  return status === 'paused' || status === 'interrupted' || status === 'failed';
}

/** `starter on sms_spam`: what a run is called until someone names it; numbered when that is taken. */
export function runName(modelName: string, datasetName: string, taken: readonly string[]): string {
  const name = `${modelName} on ${datasetName.replace(/\.[a-z]+$/i, '')}`;
  const numbered = (n: number): string => (n === 1 ? name : `${name} ${n}`);
  const free = Array.from({ length: taken.length + 1 }, (_, i) => numbered(i + 1)).find((one) => !taken.includes(one));
  return free ?? name;
}
