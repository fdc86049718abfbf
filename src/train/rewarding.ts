/** Rewards of the model's answers to prompts, in training and in measurements. */

import type { EncodedSplit } from '../batch/types';
import { permutation, STREAM } from '../core/random';
import type { OwnAnswerSettings } from '../recipe/objectives';
import type { Recipe } from '../recipe/recipe';
import { rewardsOf } from '../reward';
import type { Answer } from '../reward/reward';
import { rolloutFigures } from '../rollout/figures';
import { promptsOf, type RolloutPrompt } from '../rollout/prompts';
import type { TextTokenizer } from '../tokenizer/tokenizer';
import type { Judges } from './judges';
import { lastTurn } from './prompts';
import type { GenerateRequest, GenerateResult } from './types';

/** Prompts that a measurement answers, if there are so many. */
export const MEASURED = 32;

/** Answers requests; those that a stop request cut short are `cancelled`. */
export type Write = (requests: readonly GenerateRequest[], message: string) => Promise<readonly GenerateResult[]>;

/** What rewards depend on. */
export interface RewardContext {
  readonly recipe: Recipe;
  readonly settings: OwnAnswerSettings;
  readonly tokenizer: TextTokenizer;
  /** Of rewards that a model gives; null without any. */
  readonly judges: Judges | null;
}

/** The prompts of a split that a measurement answers: a seeded sample of them. */
export function measuredPrompts(
  split: EncodedSplit,
  { sequenceLength, seed }: Pick<Recipe, 'sequenceLength' | 'seed'>,
  { answerLength }: Pick<OwnAnswerSettings, 'answerLength'>,
): readonly RolloutPrompt[] {
  const prompts = promptsOf(split, sequenceLength, answerLength);
  const order = permutation(prompts.length, seed, 0, STREAM.measure).slice(0, MEASURED).sort();
  return [...order].flatMap((i) => prompts[i] ?? []);
}

/**
 * Answers the prompts, always with the likeliest token, and gives the figures of the answers; null where there are none, or a stop
 * request cut that short. Throws the errors of `rewardsOf`.
 */
export async function examine(
  context: RewardContext,
  prompts: readonly RolloutPrompt[],
  write: Write,
  message: string,
): Promise<Readonly<Record<string, number>> | null> {
  if (prompts.length === 0) return null;
  const requests = prompts.map(({ ids, room: maxTokens }) => ({
    ...{ prompt: { ids }, maxTokens, temperature: 0, topP: 1, seed: context.recipe.seed },
  }));
  const written = await write(requests, message);
  if (written.some(({ stopped }) => stopped === 'cancelled')) return null;
  return (await rewardAnswers(context, prompts, written, 1)).figures;
}

/** The rewards of answers, `perPrompt` in a row to one prompt; `asked` has the prompt of each answer. */
export async function rewardAnswers(
  { settings, tokenizer, judges }: RewardContext,
  asked: readonly RolloutPrompt[],
  written: readonly GenerateResult[],
  perPrompt: number,
): Promise<{ readonly totals: readonly number[]; readonly figures: Readonly<Record<string, number>> }> {
  const answers = written.map(({ text, ids }, i) => answerOf(tokenizer, asked[i], text, ids));
  const rewarded = await rewardsOf(settings.rewards, answers, judges);
  const ends = written.map(({ ids, stopped }) => ({ tokens: ids.length, ended: stopped === 'end' }));
  return { totals: rewarded.totals, figures: rolloutFigures(settings.rewards, rewarded, ends, perPrompt) };
}

/** An answer to a prompt, as rewards see it; `written`: its tokens. */
export function answerOf(
  tokenizer: TextTokenizer,
  prompt: RolloutPrompt | undefined,
  text: string,
  written: readonly number[],
): Answer {
  const { ids = [], expected = [], tail = [] } = prompt ?? {};
  const isStop = (id: number | undefined) => id !== undefined && tokenizer.stopIds.includes(id);
  // An answer that was cut off is read as one that ends there.
  const stop = isStop(written.at(-1)) || !isStop(expected.at(-1)) ? [] : expected.slice(-1);
  return {
    prompt: lastTurn(tokenizer.decode([...ids], { skipSpecial: false }), tokenizer),
    ...{ text, tokens: written.length, ids: [...ids, ...written, ...stop, ...tail] },
    expected: tokenizer.decode([...expected], { skipSpecial: true }),
  };
}

/** The most tokens of an answer with its prompt and what follows it. */
export function longestDocument(prompts: readonly RolloutPrompt[]): number {
  return prompts.reduce(
    (most, { ids, room, expected, tail }) => Math.max(most, ids.length + Math.max(room + 1, expected.length) + tail.length),
    1,
  );
}
