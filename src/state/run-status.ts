/** The record of a run as the page shows it: its status in words and what that allows, its name, its checkpoints. Pure. */

import type { CheckpointView, EvalRow, RunStatus, RunView } from '../../workers/api';

export const statusWords: Readonly<Record<RunStatus, string>> = {
  running: 'Training',
  paused: 'Paused',
  stopped: 'Stopped',
  finished: 'Finished',
  failed: 'Failed',
  interrupted: 'Interrupted',
};

/** The status of a run in words. */
export function statusOf(run: Pick<RunView, 'status' | 'earlyStop'>): string {
  return endedEarly(run) ? 'Ended early' : statusWords[run.status];
}

/** Its measurements ended the run; it can be carried on. */
export function endedEarly({ status, earlyStop }: Pick<RunView, 'status' | 'earlyStop'>): boolean {
  return status === 'finished' && earlyStop !== undefined && earlyStop.carriedOn !== true;
}

/** The checkpoint that is used unless another is chosen: the best one, else the newest; null without one. */
export function offered(checkpoints: readonly CheckpointView[]): CheckpointView | null {
  return checkpoints.find(({ best }) => best) ?? newest(checkpoints);
}

/** The checkpoint of the last step; null without one. */
export function newest(checkpoints: readonly CheckpointView[]): CheckpointView | null {
  return checkpoints.reduce<CheckpointView | null>((last, one) => (last === null || one.step > last.step ? one : last), null);
}

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

/** The run with what its base was measured with. */
export function withBase(run: RunView, { loss, sources = [] }: Pick<EvalRow, 'loss' | 'sources'>): RunView {
  const mixture = run.mixture?.map((one, i) => ({ ...one, baseLoss: sources[i] ?? null }));
  return { ...run, baseLoss: loss, ...(mixture && { mixture }) };
}
