/** The contract of a task: what the outputs of a classifier or regressor of sequences mean. K outputs for each of R examples. */

import type { Target } from '../encoding/encoding';
import type { Predictions } from '../metric/metric';

/** A task of labelled texts. */
export interface LabelTask {
  /** The input of a batch that has the true values: `classes` [R], or `targets` [R, K]. */
  readonly truth: 'classes' | 'targets';
  /** What the encoding makes of the labels of a row. `names`: those of the classes or labels, by index; empty for numbers. */
  target(names: readonly string[], outputs: number): Target;
  /** The predictions that metrics measure, from outputs [R, K] and the true values. */
  predictions(outputs: ArrayLike<number>, truth: ArrayLike<number>, width: number): Predictions;
  /** What a user gets for one text, from its outputs [K]: a probability for each name, or numbers. */
  values(outputs: Float32Array): readonly number[];
}

/** A task of answers to questions, which have no true values: the objective reports what it measures (`report`). */
export interface AnswerTask extends Pick<LabelTask, 'values'> {
  readonly truth: null;
}

export type Task = LabelTask | AnswerTask;
