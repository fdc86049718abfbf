/** The table of rules, in the order in which their findings are shown: what spoils a run comes first. */

import type { Finding, Rule, Situation } from './advice';
import { constantColumn } from './constant-column';
import { cut } from './cut';
import { echo } from './echo';
import { fewRows } from './few-rows';
import { idColumn } from './id-column';
import { imbalance } from './imbalance';
import { labelLeak } from './label-leak';
import { noEnd } from './no-end';
import { outliers } from './outliers';
import { rareLabels } from './rare-labels';
import { ratingBalance } from './rating-balance';
import { sameOpening } from './same-opening';

const RULES = {
  'no-end': noEnd,
  cut,
  echo,
  'label-leak': labelLeak,
  imbalance,
  'rare-labels': rareLabels,
  'rating-balance': ratingBalance,
  'few-rows': fewRows,
  'id-column': idColumn,
  'constant-column': constantColumn,
  outliers,
  'same-opening': sameOpening,
} satisfies Readonly<Record<string, Rule>>;

export type AdviceKind = keyof typeof RULES;

/** What a rule found. */
export interface Advice extends Finding {
  readonly kind: AdviceKind;
}

/** What matters in this dataset beside the data steps that are suggested for it. */
export function adviceFor(situation: Situation): readonly Advice[] {
  return (Object.keys(RULES) as AdviceKind[]).flatMap((kind) => {
    const finding = RULES[kind](situation);
    return finding === null ? [] : [{ kind, ...finding }];
  });
}

export type { DataFacts, Fix, Situation } from './advice';
export { suggestedRun, type SuggestedRun } from './suggested-run';
