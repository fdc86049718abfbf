/** How long a run takes: what it does and how often, what that costs on this device, and how long it took so far. */

import { secondsOf, total, type Effort, type Pace } from '../graph/pace';
import { FEW } from '../../kernels/lib/tile';
import { answersPerPrompt, type OwnAnswerSettings } from '../recipe/objectives';
import type { Recipe } from '../recipe/recipe';
import { promptCount, SAMPLE_TOKENS } from './prompts';
import { cadenceOf, type Cadence } from './cadence';
import { MEASURED } from './rewarding';
import type { Efforts } from './types';

/** `base` measures the base on the held-out examples; `sampling` writes the samples of all prompts. */
export type Activity = 'step' | 'base' | 'measurement' | 'sampling' | 'saving';

const ACTIVITIES: readonly Activity[] = ['step', 'base', 'measurement', 'sampling', 'saving'];

/** What one of each costs the device: a checkpoint nothing. */
export type Costs = Readonly<Record<Activity, Effort>>;

/** Runs of the prompt program for each prompt: most prompts have up to twice its tokens. */
const PROMPT_RUNS = 2;

const NOTHING: Effort = { flops: 0, bytes: 0, nodes: 0, runs: 0 };
/** Seconds of a checkpoint of a small adapter, most of which is the wait for the disk. */
const SAVE_SECONDS = 0.08;

/** `heldOut`: batches of a measurement. */
export function costsOf(efforts: Efforts, recipe: Recipe, heldOut: number): Costs {
  if ('rewards' in recipe.objective) return withAnswers(efforts, recipe, recipe.objective);
  return usualCosts(efforts, recipe, heldOut);
}

/** Of a run that learns from its own answers: they are part of its steps and of its measurements. */
function withAnswers(efforts: Efforts, recipe: Recipe, settings: OwnAnswerSettings): Costs {
  const { prompts, answerLength, updates, beta } = settings;
  const usual = usualCosts(efforts, recipe, 0);
  const { evaluate, evaluateBase, decode } = efforts;
  if (decode === null) return usual;
  const written = (count: number) =>
    [
      [PROMPT_RUNS * count, decode.prompt],
      [answerLength * Math.ceil(count / FEW), decode.token],
    ] as const;
  const share = total([
    [settings.kind === 'ppo' || beta > 0 ? 2 : 1, evaluateBase ?? evaluate],
    ...written(prompts * answersPerPrompt(settings)),
  ]);
  const exam = total([...written(MEASURED)]);
  return {
    ...usual,
    step: total([
      [1, usual.step],
      [1 / updates, share],
    ]),
    base: exam,
    measurement: exam,
  };
}

function usualCosts(efforts: Efforts, recipe: Recipe, heldOut: number): Costs {
  const { step, evaluate, evaluateBase, decode } = efforts;
  const prompts = promptCount(recipe);
  const rounds = Math.ceil(prompts / FEW);
  return {
    step,
    base: total([[heldOut, evaluateBase ?? NOTHING]]),
    measurement: total([[heldOut, evaluate]]),
    sampling:
      decode === null
        ? NOTHING
        : total([
            [PROMPT_RUNS * prompts, decode.prompt],
            [SAMPLE_TOKENS * rounds, decode.token],
          ]),
    saving: NOTHING,
  };
}

/**
 * How often a run does each after the training of `step` of `totalSteps`, with what is due at that step. `baseUnknown`: the base was not
 * measured yet.
 */
export function timesOf(
  { evaluate, sample, save }: Cadence,
  totalSteps: number,
  step: number,
  baseUnknown: boolean,
): Readonly<Record<Activity, number>> {
  const due = (every: number) => Math.ceil(totalSteps / every) - Math.floor(Math.max(0, step - 1) / every);
  return {
    step: totalSteps - step,
    base: baseUnknown ? 1 : 0,
    measurement: due(evaluate),
    sampling: due(sample),
    saving: due(save),
  };
}

/** Seconds of one activity at a pace. */
function usualSeconds(activity: Activity, costs: Costs, pace: Pace): number {
  return activity === 'saving' ? SAVE_SECONDS : secondsOf(costs[activity], pace);
}

/** Seconds of a whole run on a device of this pace, from its first step on. */
export function forecastSeconds(costs: Costs, recipe: Recipe, steps: number, pace: Pace): number {
  const times = timesOf(cadenceOf(recipe, steps), steps, 0, true);
  return ACTIVITIES.reduce((sum, activity) => sum + times[activity] * usualSeconds(activity, costs, pace), 0);
}

/** The pace of a device that was not measured: what a step costs in proportion to the rest hardly depends on it. */
export const USUAL_PACE: Pace = { flops: 5e10, bytes: 1.5e10, node: 2e-5 };
/** The last steps count, because a device slows down when it is hot or busy. */
const RECENT = 20;

/** The time that is left of a run under way, from what it took so far; what it did not do yet takes its share of a step's time. */
export class Timetable {
  readonly #costs: Costs;
  readonly #pace: Pace;
  readonly #cadence: Cadence;
  readonly #totalSteps: number;
  readonly #took: Record<Activity, number[]> = { step: [], base: [], measurement: [], sampling: [], saving: [] };
  #baseUnknown: boolean;

  constructor(costs: Costs, cadence: Cadence, totalSteps: number, baseUnknown: boolean, pace: Pace | null) {
    this.#costs = costs;
    this.#cadence = cadence;
    this.#totalSteps = totalSteps;
    this.#baseUnknown = baseUnknown;
    this.#pace = pace ?? USUAL_PACE;
  }

  /** One activity ended that took so many seconds. */
  took(activity: Activity, seconds: number): void {
    const times = this.#took[activity];
    times.push(seconds);
    if (times.length > RECENT + 1) times.shift();
    if (activity === 'base') this.#baseUnknown = false;
  }

  /** Seconds from the end of `step` to the end of the run. There must have been a step. */
  left(step: number): number {
    const times = timesOf(this.#cadence, this.#totalSteps, step, this.#baseUnknown);
    return ACTIVITIES.reduce((sum, activity) => sum + times[activity] * this.#estimate(activity), 0);
  }

  #estimate(activity: Activity): number {
    return this.#measured(activity) ?? this.#share(activity);
  }

  /** The mean time of an activity. The first step takes longer: it allocates. */
  #measured(activity: Activity): number | null {
    const all = this.#took[activity];
    const times = activity === 'step' && all.length > 1 ? all.slice(1) : all;
    return times.length === 0 ? null : times.reduce((sum, seconds) => sum + seconds, 0) / times.length;
  }

  /** A checkpoint takes its usual time; a measurement is like that of the base, anything else like a step, each by its cost. */
  #share(activity: Activity): number {
    if (activity === 'saving') return SAVE_SECONDS;
    const like = activity === 'measurement' && this.#took.base.length > 0 ? 'base' : 'step';
    const [cost, known] = [this.#costs[activity], this.#costs[like]].map((effort) => secondsOf(effort, this.#pace));
    return known === undefined || cost === undefined || known === 0 ? 0 : (cost / known) * (this.#measured(like) ?? 0);
  }
}
