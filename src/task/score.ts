import type { Task } from './task';

/** How good an answer is: one number, which only compares answers to the same question. */
export const scoreTask: Task = {
  truth: null,
  values: (outputs) => [...outputs],
};
