/** A choice between two answers to a message, which becomes a rating: of base and tuned model, or of the tuned model twice. */

import type { Message, RunView } from '../../workers/api';
import { feedback, type Source } from './feedback.svelte';
import { drawn, shuffled, winnerOf, type Pair, type Verdict } from './pair';
import { newPairWriting, type Asked, type PairWriting } from './pair-writing.svelte';
import { messagesFor } from './conversation';
import { use } from './use.svelte';

/** Whose answers are compared. */
export type Sides = 'models' | 'samples';

/** A pair that can be rated. */
interface Shown extends Pair {
  readonly sides: Sides;
  readonly blind: boolean;
  readonly source: Source;
  readonly prompt: readonly Message[];
}

export class Choosing {
  readonly writing: PairWriting;
  sides = $state<Sides>('samples');
  /** Whose answer is whose is not said before the choice. */
  blind = $state(true);
  pair = $state.raw<Shown | null>(null);
  /** What was chosen of the pair; null before the choice. */
  chosen = $state<Verdict | null>(null);
  /** Counts pairs, so that the same prompt is answered otherwise. */
  #asked = $state(0);
  /** What is answered next: the prompt box, else the run's own prompts in turn; empty where there is none. */
  readonly text = $derived.by(() => {
    const { prompt, suggestions } = use;
    return prompt.trim() === '' ? (suggestions[this.#asked % Math.max(1, suggestions.length)]?.text ?? '') : prompt;
  });

  constructor(writing: PairWriting) {
    this.writing = writing;
  }

  /** Lets both answer `text`. */
  async write(run: RunView, step: number): Promise<void> {
    const { text } = this;
    if (this.writing.doing !== null || text === '') return;
    const prompt = messagesFor('tuned', [], text, use.system);
    this.pair = this.chosen = null;
    const { sides, blind } = this;
    const answers = await this.writing.write(run, this.#contenders(run, step, prompt));
    if (answers === null) return;
    this.pair = { ...shuffled(text, answers, blind ? drawn() : 0), sides, blind, source: { run, step }, prompt };
  }

  /** Chooses one, which is kept as a rating, or neither. Answers that are the same can't be told apart: nothing is kept. */
  async choose(verdict: Verdict): Promise<void> {
    const { pair } = this;
    if (pair === null || this.chosen !== null) return;
    this.chosen = verdict;
    const [first, second] = pair.answers;
    if (verdict === 'tie' || first === second) return;
    const [better, worse] = verdict === 'first' ? [first, second] : [second, first];
    await feedback.prefer(pair.source, pair.prompt, better, worse);
  }

  /** Whose answer was chosen, in words; empty before. */
  readonly told = $derived.by(() => this.#told());

  async cancel(): Promise<void> {
    await this.writing.cancel();
  }

  #told(): string {
    const { pair, chosen } = this;
    if (pair === null || chosen === null) return '';
    const winner = winnerOf(pair, chosen);
    if (pair.answers[0] === pair.answers[1]) return 'Both answers are the same: nothing was kept.';
    if (winner === null) return 'Neither: nothing was kept.';
    if (pair.sides === 'samples') return 'Kept as a rating.';
    return winner === 0 ? 'Kept as a rating: you chose the tuned model.' : 'Kept as a rating: you chose the base model.';
  }

  #contenders(run: RunView, step: number, messages: readonly Message[]): readonly [Asked, Asked] {
    const { temperature, topP, maxTokens, seed } = use;
    const tuned = { runId: run.id, step };
    const request = (plus: number) => ({ prompt: { messages }, temperature, topP, maxTokens, seed: (seed + plus) % 2 ** 32 });
    const number = 2 * this.#asked++;
    return this.sides === 'models'
      ? [
          { adapter: tuned, request: request(number) },
          { adapter: null, request: request(number) },
        ]
      : [
          { adapter: tuned, request: request(number) },
          { adapter: tuned, request: request(number + 1) },
        ];
  }
}

export const choosing = new Choosing(newPairWriting());
