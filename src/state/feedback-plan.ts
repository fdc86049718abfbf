/** What ratings can train: how many rows each objective has, what is missing, and the settings that such a run needs. Pure. */

import type { FeedbackKind, Rating } from '../../workers/api';
import { usualValues } from '../recipe/usual';
import { isMonitored } from '../recipe/monitors';
import { defaultObjective } from '../recipe/objectives';
import type { Recipe } from '../recipe/recipe';
import { defaultSplit } from '../recipe/splits';
import { rowsOf } from './feedback-rows';

/** Fewer rows teach nothing that would show, and leave none to be held out. */
export const LEAST_ROWS = 10;

/** KTO learns from the difference of good and bad answers. */
export const LEAST_OF_EACH = 2;

/** A way to train with ratings. */
export interface FeedbackPlan {
  readonly kind: FeedbackKind;
  /** Rows that it learns from. */
  readonly rows: number;
  /** What is missing, in a sentence; null when a run can start. */
  readonly missing: string | null;
}

export const FEEDBACK_KINDS: readonly FeedbackKind[] = ['kto', 'dpo', 'sft'];

const WANTED: Readonly<Record<FeedbackKind, (count: number) => string>> = {
  kto: (count) => `Rate ${count} more ${count === 1 ? 'answer' : 'answers'} as good or bad`,
  dpo: (count) => `Choose the better of two answers ${count} more ${count === 1 ? 'time' : 'times'}`,
  sft: (count) => `Correct ${count} more ${count === 1 ? 'answer' : 'answers'}`,
};

/** All ways, the one with the most rows first. */
export function plansOf(ratings: readonly Rating[]): readonly FeedbackPlan[] {
  const plans = FEEDBACK_KINDS.map((kind): FeedbackPlan => {
    const rows = rowsOf(kind, ratings).length;
    return { kind, rows, missing: missingOf(kind, rows, ratings) };
  });
  return plans.sort((a, b) => b.rows - a.rows);
}

function missingOf(kind: FeedbackKind, rows: number, ratings: readonly Rating[]): string | null {
  if (rows < LEAST_ROWS) return `${WANTED[kind](LEAST_ROWS - rows)}: a run needs at least ${LEAST_ROWS}.`;
  return kind === 'kto' ? missingThumb(ratings) : null;
}

function missingThumb(ratings: readonly Rating[]): string | null {
  const count = (good: boolean) => ratings.filter((one) => one.kind === 'thumb' && one.good === good).length;
  const [good, bad] = [count(true), count(false)];
  if (Math.min(good, bad) >= LEAST_OF_EACH) return null;
  const [word, there] = good < bad ? ['good', good] : ['bad', bad];
  return `Rate at least ${LEAST_OF_EACH} answers as ${word} (there ${there === 1 ? 'is' : 'are'} ${there}): the run learns the difference between good and bad ones.`;
}

/** All examples of so few fit into one step: this many steps pass over them as often. */
const STEPS = 60;

/**
 * The usual rates of KTO and DPO are for thousands of pairs and as many steps; in so few steps they change no answer. With ten times as much
 * the starter's rewards of good and bad answers part within those steps.
 */
const RATE_OF_FEW: Readonly<Record<FeedbackKind, number>> = { kto: 10, dpo: 10, sft: 1 };

/** Of fewer rows none is held out: two or three of them measure nothing, and would choose the best checkpoint by chance. Blind pairs judge the run. */
const LEAST_HELD_OUT = 100;

/**
 * The recipe of a run on ratings: that of the run that was rated, with the objective of the ratings, rate and rows for few examples, and without
 * what was for other data.
 */
export function recipeFor({ kind, rows }: Pick<FeedbackPlan, 'kind' | 'rows'>, recipe: Recipe): Recipe {
  const { learningRate, microBatch } = usualValues({ method: recipe.method.kind, objective: kind });
  return {
    ...recipe,
    ...{ objective: defaultObjective(kind), monitor: isMonitored(kind, recipe.monitor) ? recipe.monitor : 'loss' },
    ...{
      mapping: null,
      mixture: null,
      dataSteps: [],
      split: defaultSplit('random'),
      testRatio: 0,
      order: 'shuffled',
      lossOn: 'assistant',
    },
    ...{ init: 'fresh', replay: 0, heldOutRatio: rows < LEAST_HELD_OUT ? 0 : Math.max(0.1, recipe.heldOutRatio) },
    ...{ learningRate: learningRate * RATE_OF_FEW[kind], microBatch, gradientAccumulation: 1, maxSteps: STEPS },
    ...{ evalEvery: 0, saveEvery: 0, sampleEvery: 0 },
  };
}
