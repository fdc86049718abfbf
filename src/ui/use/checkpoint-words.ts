/** The checkpoints of a run in words, the one that is offered first. Pure. */

import type { CheckpointView, RunView } from '../../../workers/api';
import type { ObjectiveKind } from '../../recipe/objectives';
import { newest, offered } from '../../state/run-status';
import { heldOutName, heldOutText, monitorName } from '../charts/held-out';
import { count } from '../format';

type Checkpoints = Pick<RunView, 'checkpoints' | 'recipe'>;

export interface CheckpointOption {
  /** Its step. */
  readonly value: string;
  readonly label: string;
}

/** The best one first, which is taken unless another is chosen; then the others, the newest first. */
export function checkpointOptions({ checkpoints, recipe }: Checkpoints): readonly CheckpointOption[] {
  const [first, last] = [offered(checkpoints), newest(checkpoints)];
  const others = checkpoints.filter(({ step }) => step !== first?.step).sort((a, b) => b.step - a.step);
  return [...(first === null ? [] : [first]), ...others].map((checkpoint) => ({
    value: String(checkpoint.step),
    label: labelOf(checkpoint, last?.step === checkpoint.step, recipe.objective.kind),
  }));
}

/** `Best and newest: step 40, held-out loss 3.4110`. */
function labelOf({ step, loss, best }: CheckpointView, isNewest: boolean, objective: ObjectiveKind): string {
  const kind = [...(best ? ['best'] : []), ...(isNewest ? ['newest'] : [])].join(' and ');
  const measured = loss === null ? '' : `, ${lowered(heldOutName(objective))} ${heldOutText(objective, loss)}`;
  const place = `step ${count(step)}${measured}`;
  const text = kind === '' ? place : `${kind}: ${place}`;
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

/** In a sentence about its files, after “step”: `40, the best one,` */
export function stepWords({ step, best }: CheckpointView): string {
  return best ? `${count(step)}, the best one,` : count(step);
}

/** Beside what comes of it: `best checkpoint, step 40`. */
export function checkpointNote({ step, best }: CheckpointView): string {
  return `${best ? 'best checkpoint,' : 'checkpoint at'} step ${count(step)}`;
}

/** What a checkpoint is, and which one is taken. */
export function checkpointHelp({ checkpoints, recipe }: Checkpoints): string {
  const what = 'The state of the model after so many steps.';
  if (!checkpoints.some(({ best }) => best)) return `${what} None was measured: the newest is taken.`;
  const by = lowered(monitorName(recipe.objective.kind, recipe.monitor));
  return `${what} The best one by ${by} is taken unless you choose another.`;
}

const lowered = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);
