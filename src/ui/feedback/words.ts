/** The words about ratings, and about runs that learn from them. Pure. */

import type { FeedbackKind, Message, Rating } from '../../../workers/api';
import type { FeedbackPlan } from '../../state/feedback-plan';
import type { Pair } from '../../state/pair';
import { count, plural } from '../format';

/** What the rows of a kind are. */
const ROWS: Readonly<Record<FeedbackKind, (rows: number) => string>> = {
  kto: (rows) => plural(rows, 'thumb'),
  dpo: (rows) => plural(rows, 'preferred answer'),
  sft: (rows) => plural(rows, 'corrected answer'),
};

/** The method in the words of the field. */
export const METHODS: Readonly<Record<FeedbackKind, string>> = { kto: 'KTO', dpo: 'DPO', sft: 'SFT' };

/** `20 thumbs (KTO)`. */
export function planWords({ kind, rows }: FeedbackPlan): string {
  return `${ROWS[kind](rows)} (${METHODS[kind]})`;
}

/** `Train on 34 ratings`. */
export function trainWords({ rows }: FeedbackPlan): string {
  return `Train on ${plural(rows, 'rating')}`;
}

const LEARNS: Readonly<Record<FeedbackKind, string>> = {
  kto: 'It learns to write answers like the good ones and unlike the bad ones.',
  dpo: 'It learns to write answers like the preferred ones and unlike the others.',
  sft: 'It learns to write the corrected answers.',
};

/** What a run on the ratings learns. */
export function learnWords({ kind }: FeedbackPlan): string {
  return LEARNS[kind];
}

/** Beside the title of the folded panel. */
export function feedbackNote(ratings: number, plans: readonly FeedbackPlan[]): string {
  if (ratings === 0) return 'none yet';
  return `${plural(ratings, 'rating')}${plans.some(({ missing }) => missing === null) ? ', enough to train' : ''}`;
}

/** What a rating says, in a word or two. */
export function ratingWords(rating: Rating): string {
  if (rating.kind === 'thumb') return rating.good ? 'Good' : 'Bad';
  return rating.kind === 'choice' ? 'Preferred' : 'Corrected';
}

/** The question that was answered. */
export function questionOf(prompt: readonly Message[]): string {
  return prompt.findLast(({ role }) => role === 'user')?.content ?? '';
}

/** The answer that a rating wants more of, or the bad one. */
export function answerOf(rating: Rating): string {
  if (rating.kind === 'thumb') return rating.answer;
  return rating.kind === 'choice' ? rating.chosen : rating.better;
}

/** Titles of the two answers, in the order in which they are shown. */
export function pairTitles(
  blind: boolean,
  sides: 'models' | 'samples',
  pair: Pick<Pair, 'swapped'> | null,
): readonly [string, string] {
  if (blind || sides === 'samples' || pair === null) return ['Answer 1', 'Answer 2'];
  return pair.swapped ? ['Answer 1, base model', 'Answer 2, tuned model'] : ['Answer 1, tuned model', 'Answer 2, base model'];
}

/** What is written now. */
export function writingWords(doing: 'loading' | 1 | 2 | null): string {
  if (doing === null) return '';
  return doing === 'loading' ? 'Preparing…' : `Writing answer ${doing} of 2…`;
}

/** `Ratings of answers: 20 by runs on Finetab starter, 3 by runs on SmolLM2-135M.` Empty without ratings. */
export function ratingsByModel(ratings: readonly Pick<Rating, 'modelId' | 'modelName'>[]): string {
  const models = [...new Map(ratings.map((one) => [one.modelId, one.modelName]))];
  const parts = models.map(([id, name]) => `${count(ratings.filter(({ modelId }) => modelId === id).length)} by runs on ${name}`);
  return parts.length === 0 ? '' : `Ratings of answers: ${parts.join(', ')}.`;
}
