/** What a run reached, in words. Pure. */

import type { RunView } from '../../../workers/api';
import { loss } from '../charts/figures';
import { reportsOf, type Report } from '../charts/reports';
import { count } from '../format';

/** What a run reached, in the measure that its objective is watched by. */
export interface Result {
  /** The measure. */
  readonly name: string;
  readonly text: string;
  /** Null where nothing was measured. */
  readonly value: number | null;
  readonly better: Report['better'];
  /** `, best at step 40`, where it is not that of the run's end; else empty. */
  readonly place: string;
}

/**
 * The metric to watch of its objective, else the held-out loss, from the base to the tuned model: of the best checkpoint, which is used; of
 * the newest measurement while the run trains, or no checkpoint was measured.
 */
export function resultOf(run: RunView): Result {
  const { recipe, baseLoss } = run;
  const { metrics, tunedLoss, place } = measuredOf(run);
  const [report] = reportsOf(recipe.objective.kind);
  const value = report === undefined ? undefined : metrics?.[report.key];
  if (report !== undefined && value !== undefined)
    return { name: report.name, text: report.write(value), value, better: report.better, place };
  const text = baseLoss === null || tunedLoss === null ? loss(tunedLoss) : `${loss(baseLoss)} → ${loss(tunedLoss)}`;
  return { name: 'Held-out loss', text: tunedLoss === null ? 'not measured' : text, value: tunedLoss, better: 'lower', place };
}

interface Measured {
  readonly metrics: Readonly<Record<string, number>> | null | undefined;
  readonly tunedLoss: number | null;
  readonly place: string;
}

function measuredOf({ status, checkpoints, step, metrics, tunedLoss }: RunView): Measured {
  const best = status === 'running' ? undefined : checkpoints.find((checkpoint) => checkpoint.best);
  if (best === undefined) return { metrics, tunedLoss, place: '' };
  return { metrics: best.metrics, tunedLoss: best.loss, place: best.step === step ? '' : `, best at step ${count(best.step)}` };
}

/** A result in one line: `Accuracy 92 %, best at step 40`. */
export function resultWords({ name, text, place }: Result): string {
  return `${name} ${text}${place}`;
}

/** A day and a time, such as `Nov 30, 11:52 AM`, which break only between the two. */
export function timeWords(at: number): string {
  const day = new Date(at).toLocaleDateString('en', { month: 'short', day: 'numeric' });
  const time = new Date(at).toLocaleTimeString('en', { hour: 'numeric', minute: '2-digit' });
  return [day, time].map((part) => part.replaceAll(/\s/g, '\u00a0')).join(', ');
}
