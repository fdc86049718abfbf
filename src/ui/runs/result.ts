/** What a run reached, in words. Pure. */

import type { RunView } from '../../../workers/api';
import { loss } from '../charts/figures';
import { reportsOf, type Report } from '../charts/reports';

/** What a run reached, in the measure that its objective is watched by. */
export interface Result {
  /** The measure. */
  readonly name: string;
  readonly text: string;
  /** Null where nothing was measured. */
  readonly value: number | null;
  readonly better: Report['better'];
}

/** The metric to watch of its objective, as it was measured last; else the held-out loss, from the base to the tuned model. */
export function resultOf({ recipe: { objective }, metrics, baseLoss, tunedLoss }: RunView): Result {
  const [report] = reportsOf(objective.kind);
  const value = report === undefined ? undefined : metrics?.[report.key];
  if (report !== undefined && value !== undefined)
    return { name: report.name, text: report.write(value), value, better: report.better };
  const text = baseLoss === null || tunedLoss === null ? loss(tunedLoss) : `${loss(baseLoss)} → ${loss(tunedLoss)}`;
  return { name: 'Held-out loss', text: tunedLoss === null ? 'not measured' : text, value: tunedLoss, better: 'lower' };
}

/** A result in one line: `Accuracy 92 %`. */
export function resultWords({ name, text }: Result): string {
  return `${name} ${text}`;
}

/** A day and a time, such as `Nov 30, 11:52 AM`, which break only between the two. */
export function timeWords(at: number): string {
  const day = new Date(at).toLocaleDateString('en', { month: 'short', day: 'numeric' });
  const time = new Date(at).toLocaleTimeString('en', { hour: 'numeric', minute: '2-digit' });
  return [day, time].map((part) => part.replaceAll(/\s/g, '\u00a0')).join(', ');
}
