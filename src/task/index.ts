/** The table of tasks. A new task is a kind in src/recipe/tasks.ts, a file, and a row here. */

import type { TaskKind } from '../recipe/tasks';
import { classTask } from './class';
import { labelsTask } from './labels';
import { numbersTask } from './numbers';
import { scoreTask } from './score';
import type { Task } from './task';

export const TASKS: Readonly<Record<TaskKind, Task>> = {
  class: classTask,
  labels: labelsTask,
  numbers: numbersTask,
  score: scoreTask,
};
