import type { Task } from './task';

/** K numbers, which are the outputs themselves. */
export const numbersTask: Task = {
  truth: 'targets',
  target: (_names, count) => ({ kind: 'numbers', count }),
  predictions: (predicted, truth, outputs) => ({ kind: 'numbers', outputs, truth, predicted }),
  values: (outputs) => [...outputs],
};
