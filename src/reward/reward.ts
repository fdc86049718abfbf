/** The contract of a reward without code: a score of one answer. A reward is one file and one row of the table. Pure. */

/** An answer of the model, and what it is an answer to. */
export interface Answer {
  /** The last message before it, or the text that it continues. */
  readonly prompt: string;
  readonly text: string;
  /** The answer that the data have. */
  readonly expected: string;
  /** Everything from the beginning to the end of the answer, with what the chat template puts after it. */
  readonly ids: readonly number[];
  /** Its length in tokens, with the token that ends it. */
  readonly tokens: number;
}

export interface Reward<S> {
  /** From 0 to 1. */
  score(answer: Answer, settings: S): number;
}
