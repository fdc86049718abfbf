/** Ratings of answers: what people say of the answers that they read in Use. Plain data. */

import type { Message } from '../dataset/types';

/** What a rating is about. */
interface Rated {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** The base of the run whose answers were rated: the ratings of one model are one dataset. */
  readonly modelId: string;
  readonly modelName: string;
  /** The run, its name and the checkpoint that answered; null for ratings that were read from a file. */
  readonly run: { readonly id: string; readonly name: string; readonly step: number } | null;
  /** What the model read: ends with a turn of the user. */
  readonly prompt: readonly Message[];
}

/** A thumb up or down on one answer. */
export interface Thumb extends Rated {
  readonly kind: 'thumb';
  readonly answer: string;
  readonly good: boolean;
}

/** One of two answers was preferred. */
export interface Choice extends Rated {
  readonly kind: 'choice';
  readonly chosen: string;
  readonly rejected: string;
}

/** An answer that was written by hand in place of the model's; `original` null: that is not known. */
export interface Correction extends Rated {
  readonly kind: 'correction';
  readonly better: string;
  readonly original: string | null;
}

export type Rating = Thumb | Choice | Correction;

/** What learns from ratings: KTO from thumbs, DPO from preferred answers, next-token prediction (SFT) from corrected ones. */
export type FeedbackKind = 'kto' | 'dpo' | 'sft';
