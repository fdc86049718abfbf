import { labelPredictions } from '../metric/predictions';
import type { Task } from './task';

/** Any of K labels, by the sigmoid of each output. */
export const labelsTask: Task = {
  truth: 'targets',
  target: (names) => ({ kind: 'labels', names }),
  predictions: labelPredictions,
  values: (outputs) => Array.from(labelPredictions(outputs, [], outputs.length).probabilities),
};
