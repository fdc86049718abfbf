import { classPredictions } from '../metric/predictions';
import type { Task } from './task';

/** One of K classes, by the softmax of the outputs. */
export const classTask: Task = {
  truth: 'classes',
  target: (names) => ({ kind: 'class', names }),
  predictions: classPredictions,
  values: (outputs) => Array.from(classPredictions(outputs, [], outputs.length).probabilities),
};
