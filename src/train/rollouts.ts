/**
 * The answers that a run learns from which it writes itself. A rollout is a pure function of (recipe, data, its number) and of what is
 * trained, so that it is written again to the byte after an interruption.
 */

import type { BatchShape } from '../batch/collate';
import { drawnIn } from '../batch/sources';
import type { Batch, EncodedDataset } from '../batch/types';
import { CodedError } from '../core/errors';
import { randomBits, STREAM } from '../core/random';
import { answersPerPrompt, type OwnAnswerSettings, type PpoSettings } from '../recipe/objectives';
import type { Recipe } from '../recipe/recipe';
import { advantagesOf } from '../rollout/advantages';
import type { FigureData } from '../objective/objective';
import { readOutput, rolloutBatches, writeInput, type RolloutBatches } from '../rollout/batches';
import { divergenceFigures } from '../rollout/figures';
import { promptsAt, promptsOf, type RolloutPrompt } from '../rollout/prompts';
import { returnsOf } from '../rollout/returns';
import type { TextTokenizer } from '../tokenizer/tokenizer';
import { rolloutInputs } from './job';
import { measuredPrompts, rewardAnswers, type RewardContext, type Write } from './rewarding';

/** The micro-batches of an update, and what the step reports beside its loss. */
export interface Rolled {
  readonly batches: readonly Batch[];
  readonly figures: Readonly<Record<string, number>>;
}

/** A source of batches that the model makes itself. */
export interface RolloutSource {
  /** Of update `step`, counted from 0; null when a stop request cut the answers short. */
  roll(step: number): Promise<Rolled | null>;
  /** Whether the update after `step` updates needs new answers: only there a run can be interrupted. */
  isBoundary(step: number): boolean;
}

export interface RolloutContext extends RewardContext {
  readonly prompts: RolloutPrompts;
  /** With what is trained. */
  readonly write: Write;
  /** Figures of each batch, by what is trained or by the base: `logprobs` of its tokens and, with a value head, `values` [M]. */
  readonly score: (batches: readonly Batch[], which: 'tuned' | 'base') => Promise<FigureData>;
}

export interface RolloutPrompts {
  readonly train: readonly RolloutPrompt[];
  readonly heldOut: readonly RolloutPrompt[];
}

/** The prompts of a dataset. Throws `data/no-examples` when it has none for training. */
export function rolloutPrompts(
  { train, heldOut, sources }: Pick<EncodedDataset, 'train' | 'heldOut' | 'sources'>,
  recipe: Pick<Recipe, 'sequenceLength' | 'seed'>,
  settings: Pick<OwnAnswerSettings, 'answerLength'>,
): RolloutPrompts {
  // Every pass has the same examples of a mixture.
  const drawn = sources && drawnIn(sources, 0, recipe.seed);
  const prompts = promptsOf(train, recipe.sequenceLength, settings.answerLength, drawn);
  if (prompts.length === 0)
    throw new CodedError(
      'data/no-examples',
      'No example has a question before its answer that fits into the sequence length, and rewards need questions to answer. Use conversations, learn from answers only, or raise the sequence length.',
    );
  return { train: prompts, heldOut: measuredPrompts(heldOut, recipe, settings) };
}

/** Updates of one pass over the prompts. */
export function updatesPerPass({ prompts, updates }: Pick<OwnAnswerSettings, 'prompts' | 'updates'>, count: number): number {
  return Math.ceil(count / prompts) * updates;
}

export class Rollouts implements RolloutSource {
  readonly #context: RolloutContext;
  #newest: { readonly index: number; readonly rolled: Rolled } | null = null;

  constructor(context: RolloutContext) {
    this.#context = context;
  }

  isBoundary(step: number): boolean {
    return step % this.#context.settings.updates === 0;
  }

  async roll(step: number): Promise<Rolled | null> {
    const index = Math.floor(step / this.#context.settings.updates);
    if (this.#newest?.index === index) return this.#newest.rolled;
    const rolled = await this.#rollout(index);
    this.#newest = rolled && { index, rolled };
    return rolled;
  }

  async #rollout(index: number): Promise<Rolled | null> {
    const { recipe, settings, prompts } = this.#context;
    const perPrompt = answersPerPrompt(settings);
    const chosen = promptsAt(index, settings.prompts, prompts.train.length, recipe.seed).flatMap((i) => prompts.train[i] ?? []);
    const asked = chosen.flatMap((prompt) => Array.from({ length: perPrompt }, () => prompt));
    const seedOf = (answer: number) => randomBits(recipe.seed, index, STREAM.answers, answer);
    const requests = asked.map(({ ids, room: maxTokens }, i) => ({
      ...{ prompt: { ids }, maxTokens, temperature: settings.sampleTemperature, topP: 1, seed: seedOf(i) },
    }));
    const written = await this.#context.write(requests, 'Writing answers to learn from');
    if (written.some(({ stopped }) => stopped === 'cancelled')) return null;
    const { totals, figures } = await rewardAnswers(this.#context, asked, written, perPrompt);
    const shape = shapeOf(recipe, this.#context.tokenizer);
    const pairs = written.map(({ promptIds, ids }) => ({ prompt: promptIds, answer: ids }));
    const mean = settings.kind === 'grpo' ? settings.mean : 'tokens';
    const made = rolloutBatches(pairs, shape, rolloutInputs(settings), { mean, answerLength: settings.answerLength });
    const more = await this.#judge(made, totals);
    return { batches: made.batches, figures: { ...figures, ...more } };
  }

  /** Writes what the loss reads of the tokens: how likely they were, and how much better than others. Gives what else is reported. */
  async #judge(made: RolloutBatches, totals: readonly number[]): Promise<Readonly<Record<string, number>>> {
    const { settings, score } = this.#context;
    const tuned = await score(made.batches, 'tuned');
    const logprobs = readOutput(made, tuned['logprobs']);
    writeInput(made, 'oldLogprobs', (answer, token) => logprobs[answer]?.[token] ?? NaN);
    if (settings.kind === 'ppo') return this.#judgeByValues(made, totals, settings, { logprobs, values: tuned['values'] });
    const advantages = advantagesOf(totals, settings.answers, settings.scaleRewards);
    writeInput(made, 'advantages', (answer) => advantages[answer] ?? NaN);
    if (settings.beta === 0) return {};
    const refLogprobs = readOutput(made, (await score(made.batches, 'base'))['logprobs']);
    writeInput(made, 'refLogprobs', (answer, token) => refLogprobs[answer]?.[token] ?? NaN);
    return {};
  }

  async #judgeByValues(
    made: RolloutBatches,
    totals: readonly number[],
    settings: PpoSettings,
    tuned: { readonly logprobs: readonly (readonly number[])[]; readonly values: FigureData[string] | undefined },
  ): Promise<Readonly<Record<string, number>>> {
    const refLogprobs = readOutput(made, (await this.#context.score(made.batches, 'base'))['logprobs']);
    const values = readOutput(made, tuned.values);
    const judged = totals.map((total, i) => ({
      ...{ score: total, logprobs: tuned.logprobs[i] ?? [], refLogprobs: refLogprobs[i] ?? [], values: values[i] ?? [] },
    }));
    const { advantages, returns } = returnsOf(judged, settings);
    const tokens = values.reduce((sum, { length }) => sum + length, 0);
    const inputs = { advantages, returns, oldValues: values };
    for (const [name, of] of Object.entries(inputs) as [keyof typeof inputs, typeof values][])
      writeInput(made, name, (answer, token) => of[answer]?.[token] ?? NaN);
    writeInput(made, 'valueWeights', () => 1 / tokens);
    return divergenceFigures(judged, settings.beta);
  }
}

function shapeOf({ microBatch, sequenceLength }: Recipe, { padId }: TextTokenizer): BatchShape {
  return { rows: microBatch, rowLength: sequenceLength, padId };
}
