/** What the held-out loss of a run is told as: of an objective that learns from rewards, it is their mean. Pure. */

import { learnsFromRewards, type ObjectiveKind } from '../../recipe/objectives';
import type { Monitor } from '../../recipe/monitors';
import { loss } from './figures';
import { MONITOR_NAMES } from './metric-names';

export function heldOutName(kind: ObjectiveKind): string {
  return learnsFromRewards(kind) ? 'Mean reward' : MONITOR_NAMES.loss;
}

/** The loss, or the reward of which it has the opposite sign. */
export function heldOutValue(kind: ObjectiveKind, value: number): number {
  return learnsFromRewards(kind) ? -value : value;
}

export function heldOutText(kind: ObjectiveKind, value: number | null | undefined): string {
  return loss(value === null || value === undefined ? value : heldOutValue(kind, value));
}

/** The measure that judges a run, by its name. */
export function monitorName(kind: ObjectiveKind, monitor: Monitor): string {
  return monitor === 'loss' ? heldOutName(kind) : MONITOR_NAMES[monitor];
}
