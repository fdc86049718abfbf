/** The table of objectives. */

import type { ObjectiveKind, ObjectiveSettings, ObjectiveSettingsOf } from '../recipe/objectives';
import { classify, multiLabel, regress } from './classify';
import { distil } from './distil';
import type { Objective } from './objective';
import { dpo, ipo } from './preference';
import { reward } from './reward';
import { sft } from './sft';

export const OBJECTIVES = { sft, classify, 'multi-label': multiLabel, regress, dpo, ipo, reward, distil } satisfies {
  readonly [K in ObjectiveKind]: Objective<ObjectiveSettingsOf<K>>;
};

export function objectiveOf({ kind }: ObjectiveSettings): Objective<ObjectiveSettings> {
  // The settings of a kind are those of its objective.
  return OBJECTIVES[kind] as Objective<ObjectiveSettings>;
}
