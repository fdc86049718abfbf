/**
 * Blind pairs: a person chooses between an answer of a run and one of what the run started from, without knowing whose is whose. What was
 * chosen is kept with the checkpoint after each pair, so that it goes on where it ended.
 */

import { trainClient, type WorkerClient } from '../client';
import type { AdapterChoice, PairPrompt, RunView, StoredPairs, TrainApi } from '../../workers/api';
import { loadBaseModel } from './base-model';
import { failureOf, type Failure } from './failure';
import { journal } from './journal.svelte';
import { predicts } from './objective';
import { drawn, shuffled, winnerOf, type Pair, type Verdict } from './pair';
import { newPairWriting, type PairWriting } from './pair-writing.svelte';
import { runs } from './runs.svelte';

export { pairsVerdict } from '../metric/blind-pairs';

/** Pairs of a whole comparison. */
export const MOST_PAIRS = 30;

/** Both answer with some variety, as in a conversation. */
const SAMPLING = { temperature: 0.7, topP: 0.95, maxTokens: 96 } as const;

/** A comparison under way. */
interface Session {
  readonly run: RunView;
  readonly step: number;
  readonly prompts: readonly PairPrompt[];
}

export class Judging {
  readonly #client: WorkerClient<TrainApi>;
  readonly writing: PairWriting;
  #session = $state.raw<Session | null>(null);
  /** The pair to be judged; null while there is none. */
  pair = $state.raw<Pair | null>(null);
  #failure = $state.raw<Failure | null>(null);
  readonly failure = $derived.by(() => this.#failure ?? this.writing.failure);

  constructor(client: WorkerClient<TrainApi>, writing: PairWriting) {
    this.#client = client;
    this.writing = writing;
  }

  /** The comparison of the run at `step` is under way. */
  isOpen({ id }: Pick<RunView, 'id'>, step: number): boolean {
    return this.#session?.run.id === id && this.#session.step === step;
  }

  /** All prompts of a comparison; 0 while none is under way. */
  readonly total = $derived.by(() => this.#session?.prompts.length ?? 0);

  /** Begins, or goes on after the pairs that were judged. */
  async start(run: RunView, step: number): Promise<void> {
    await this.stop();
    this.#failure = null;
    this.writing.doing = 'loading';
    try {
      await loadBaseModel(run);
      const prompts = await this.#client.call((api) => api.pairPrompts(run.id, MOST_PAIRS));
      this.#session = { run, step, prompts };
    } catch (error) {
      this.#failure = failureOf(error);
      this.writing.doing = null;
      return;
    }
    await this.#next();
  }

  /** Judges the pair that is shown, and goes on with the next. */
  async judge(verdict: Verdict): Promise<void> {
    const [session, pair] = [this.#session, this.pair];
    if (session === null || pair === null) return;
    this.pair = null;
    const { run, step, prompts } = session;
    const before = pairsAt(runs.find(run.id) ?? run, step) ?? noPairs(run);
    const unseen = prompts[judged(before)]?.heldOut === true ? 1 : 0;
    const after = counted({ ...before, heldOut: before.heldOut + unseen }, winnerOf(pair, verdict));
    await this.#keep(run, step, after);
    journal({ event: 'pairs', wins: after.wins, losses: after.losses, ties: after.ties });
    if (this.#failure === null && this.#session === session) await this.#next();
  }

  /** Ends the comparison for now; what was chosen stays. */
  async stop(): Promise<void> {
    this.#session = this.pair = null;
    await this.writing.cancel();
  }

  /** Forgets what was chosen. */
  async forget(run: RunView, step: number): Promise<void> {
    await this.stop();
    await this.#keep(run, step, null);
  }

  async #next(): Promise<void> {
    const session = this.#session;
    if (session === null) return;
    const { run, step, prompts } = session;
    const done = judged(pairsAt(runs.find(run.id) ?? run, step) ?? noPairs(run));
    const prompt = prompts[done];
    if (prompt === undefined) {
      await this.stop();
      return;
    }
    const request = { prompt: { ids: prompt.ids }, ...SAMPLING, seed: done };
    const answers = await this.writing.write(run, [
      { adapter: { runId: run.id, step }, request },
      { adapter: startOf(run), request },
    ]);
    if (answers !== null && this.#session === session) this.pair = shuffled(prompt.shown, answers, drawn());
  }

  async #keep({ id }: RunView, step: number, pairs: Omit<StoredPairs, 'step'> | null): Promise<void> {
    this.#failure = null;
    try {
      await this.#client.call((api) => api.keepPairs(id, step, pairs));
    } catch (error) {
      this.#failure = failureOf(error);
    }
    await runs.refresh();
  }
}

/** What was chosen for the checkpoint at `step`; null where nothing was. */
export function pairsAt({ pairs = [] }: Pick<RunView, 'pairs'>, step: number): StoredPairs | null {
  return pairs.find((one) => one.step === step) ?? null;
}

/** What the run is compared with: the checkpoint that it started from, else the base. */
function startOf({ parent }: RunView): AdapterChoice | null {
  return parent === undefined ? null : { runId: parent.runId, step: parent.step };
}

/** Why a run can't be judged in blind pairs, in a sentence, or null. */
export function pairsBlocker({ recipe, parent, imported, combined }: RunView): string | null {
  if (predicts(recipe.objective.kind)) return 'The run predicts and writes no answers.';
  if (imported === true || combined !== undefined) return 'The data of this adapter are not here, so there are no prompts.';
  if (parent === undefined) return null;
  const from = runs.find(parent.runId);
  return from?.checkpoints.some(({ step }) => step === parent.step) === true
    ? null
    : `The checkpoint of ${parent.name} that the run started from is no longer in this browser.`;
}

const noPairs = ({ parent }: RunView): Omit<StoredPairs, 'step'> => ({
  ...{ wins: 0, losses: 0, ties: 0, heldOut: 0, at: 0 },
  against: parent?.name ?? null,
});

export const judged = ({ wins, losses, ties }: Pick<StoredPairs, 'wins' | 'losses' | 'ties'>): number => wins + losses + ties;

/** With one more pair, which the run (0) or the other (1) won, or neither. */
function counted(pairs: Omit<StoredPairs, 'step'>, winner: 0 | 1 | null): Omit<StoredPairs, 'step'> {
  const { wins, losses, ties } = pairs;
  return {
    ...pairs,
    wins: wins + (winner === 0 ? 1 : 0),
    losses: losses + (winner === 1 ? 1 : 0),
    ties: ties + (winner === null ? 1 : 0),
    at: Date.now(),
  };
}

export const judging = new Judging(trainClient, newPairWriting());
