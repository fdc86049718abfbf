/** How a run under way is put in words: in the rail, in the tab's title, before it starts. Pure. */

import type { RunStatus, RunView } from '../../../workers/api';
import type { StageView } from '../../state/app.svelte';
import { statusWords } from '../../state/run-status';
import type { Activity } from '../../state/training.svelte';

/** What these sentences need of the training state. */
export interface TrainingView {
  readonly activity: Activity;
  readonly run: Pick<RunView, 'status'> | null;
  readonly step: number;
  readonly totalSteps: number;
}

export function percentDone(step: number, total: number): number {
  return total > 0 ? Math.min(100, Math.floor((step / total) * 100)) : 0;
}

export function trainView(training: TrainingView): StageView {
  const { activity, run, step, totalSteps } = training;
  const place = `step ${step} of ${totalSteps}`;
  if (activity === 'preparing') return { standing: 'busy', summary: 'Preparing…' };
  if (activity !== 'idle') return { standing: 'busy', summary: `Training, ${place}` };
  if (run === null) return { standing: 'open', summary: '' };
  return { standing: standings[run.status], summary: `${statusWords[run.status]}, ${place}` };
}

const standings: Readonly<Record<RunStatus, StageView['standing']>> = {
  running: 'busy',
  paused: 'open',
  stopped: 'done',
  finished: 'done',
  failed: 'problem',
  interrupted: 'open',
};

/** Where resuming a run goes on; `step` is the last one done. */
export function wayOn({ checkpoints, totalSteps }: Pick<RunView, 'checkpoints' | 'totalSteps'>, step: number): string {
  const saved = Math.max(...checkpoints.map((checkpoint) => checkpoint.step));
  if (checkpoints.length === 0) return 'Begins again: it stopped before its first checkpoint.';
  return `${saved === step ? 'Continue where it stopped' : 'Continue from its last checkpoint'}: step ${saved} of ${totalSteps}.`;
}

/** The title of the tab: a share and a word while there is something to wait for. */
export function tabTitle({ activity, run, step, totalSteps }: TrainingView): string {
  if (activity === 'preparing') return 'Preparing – Finetab';
  if (activity === 'training' || activity === 'ending') return `${percentDone(step, totalSteps)} % trained – Finetab`;
  return run === null ? 'Finetab' : `${statusWords[run.status]} – Finetab`;
}
