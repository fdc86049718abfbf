/** The table of objectives. */

import type { ObjectiveKind, ObjectiveSettings, ObjectiveSettingsOf } from '../recipe/objectives';
import { classify, multiLabel, regress } from './classify';
import { distil } from './distil';
import { dpo } from './dpo';
import { grpo } from './grpo';
import type { Objective } from './objective';
import { ipo } from './ipo';
import { kto } from './kto';
import { ppo } from './ppo';
import { orpo } from './orpo';
import { reward } from './reward';
import { sft } from './sft';
import { simpo } from './simpo';

export const OBJECTIVES = {
  sft,
  classify,
  'multi-label': multiLabel,
  regress,
  dpo,
  ipo,
  simpo,
  orpo,
  kto,
  reward,
  distil,
  grpo,
  ppo,
} satisfies {
  readonly [K in ObjectiveKind]: Objective<ObjectiveSettingsOf<K>>;
};

export function objectiveOf({ kind }: ObjectiveSettings): Objective<ObjectiveSettings> {
  // The settings of a kind are those of its objective.
  return OBJECTIVES[kind] as Objective<ObjectiveSettings>;
}
