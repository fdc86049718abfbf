/** What a run starts from, as its recipe says. */

import * as v from 'valibot';
import { isFields } from './migrations';

/** A checkpoint of another run. Imported and combined adapters are kept as runs, too. */
export interface InitFrom {
  /** Its id in the browser that made the recipe. */
  readonly run: string;
  readonly name: string;
  /** Null: the newest. The recipe of a run that started has the step. */
  readonly step: number | null;
}

/** `fresh`: new parameters, or the weights of the model as they are. */
export const initSchema = v.custom<'fresh' | InitFrom>(
  (value) => value === 'fresh' || isInitFrom(value),
  '“fresh”, or an object such as {"run": "(its id)", "name": "starter on tickets", "step": 120}',
);

function isInitFrom(value: unknown): value is InitFrom {
  if (!isFields(value)) return false;
  const { run, name, step, ...others } = value;
  const isStep = step === null || (typeof step === 'number' && Number.isInteger(step) && step >= 0);
  return typeof run === 'string' && run !== '' && typeof name === 'string' && isStep && Object.keys(others).length === 0;
}

/** The checkpoint that a draft starts from; null for a fresh start, and while the setting has a problem. */
export function initFrom(init: unknown): InitFrom | null {
  return isInitFrom(init) ? init : null;
}

/** How many of `available` old examples are the share `replay` of all examples, together with `fresh` new ones. */
export function replayCount(replay: number, fresh: number, available: number): number {
  return Math.min(available, Math.round((replay / (1 - replay)) * fresh));
}
