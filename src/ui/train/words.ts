/** A run under way in words: in the rail, in the tab's title, beside its buttons. Pure. */

import type { RunStatus, RunView } from '../../../workers/api';
import type { StageView } from '../../state/app.svelte';
import type { Hang } from '../../state/monitor.svelte';
import { statusOf } from '../../state/run-status';
import type { Activity } from '../../state/training.svelte';
import { duration } from '../charts/figures';
import { count } from '../format';

/** What these sentences need of the training state. */
export interface TrainingView {
  readonly activity: Activity;
  /** The run shown is trained in another tab. */
  readonly watching: boolean;
  readonly run: Pick<RunView, 'status' | 'earlyStop'> | null;
  readonly step: number;
  readonly totalSteps: number;
}

export function percentDone(step: number, total: number): number {
  return total > 0 ? Math.min(100, Math.floor((step / total) * 100)) : 0;
}

/** How far a run under way is: `Step 12 of 138, 18 s left`. */
export function placeWords(training: TrainingView & { readonly left: number | null }): string {
  if (training.activity === 'preparing') return 'Preparing…';
  const left = training.left === null ? '' : `, ${duration(training.left)} left`;
  return `Step ${count(training.step)} of ${count(training.totalSteps)}${left}`;
}

export function trainView(training: TrainingView): StageView {
  const { activity, watching, run, step, totalSteps } = training;
  const place = `step ${count(step)} of ${count(totalSteps)}`;
  if (watching) return { standing: 'busy', summary: `In another tab, ${place}` };
  if (activity === 'preparing') return { standing: 'busy', summary: 'Preparing…' };
  if (activity !== 'idle') return { standing: 'busy', summary: `Training, ${place}` };
  if (run === null) return { standing: 'open', summary: '' };
  return { standing: standings[run.status], summary: `${statusOf(run)}, ${place}` };
}

const standings: Readonly<Record<RunStatus, StageView['standing']>> = {
  running: 'busy',
  paused: 'open',
  stopped: 'done',
  finished: 'done',
  failed: 'problem',
  interrupted: 'open',
};

/** Step of the newest checkpoint; null without one. */
export function savedStep({ checkpoints }: Pick<RunView, 'checkpoints'>): number | null {
  return checkpoints.length === 0 ? null : Math.max(...checkpoints.map((checkpoint) => checkpoint.step));
}

/** Where resuming a run continues; `step` is the last one done. */
export function resumeNote(run: Pick<RunView, 'checkpoints' | 'totalSteps'>, step: number): string {
  const saved = savedStep(run);
  if (saved === null) return 'Starts again: it ended before its first checkpoint.';
  return `${saved === step ? 'Continues where it ended' : 'Continues from its last checkpoint'}: step ${count(saved)} of ${count(run.totalSteps)}.`;
}

/** Since when a run hangs, and the longest time between two events before. */
export function hangWords({ since, limit, usual }: Hang): string {
  const time = new Date(since).toLocaleTimeString('en', { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });
  const before =
    usual === 0 ? 'It was the first event.' : `Before that, at most ${duration(Math.ceil(usual))} passed between two events.`;
  return `Its last event came at ${time}, more than ${duration(limit)} ago. ${before} The GPU or the worker may hang.`;
}

/** What is lost by Resume of a run that hangs, or by End now. */
export function costWords(run: Pick<RunView, 'checkpoints'> | null): string {
  const saved = run === null ? null : savedStep(run);
  return saved === null
    ? 'There is no checkpoint yet: the run starts again.'
    : `Steps after the checkpoint at step ${count(saved)} are trained again.`;
}

/** The title of the tab: the share that is done while a run is trained, else its status. */
export function tabTitle({ activity, watching, run, step, totalSteps }: TrainingView): string {
  if (activity === 'preparing') return 'Preparing – Finetab';
  if (watching || activity === 'training' || activity === 'ending') return `${percentDone(step, totalSteps)} % trained – Finetab`;
  return run === null ? 'Finetab' : `${statusOf(run)} – Finetab`;
}
