/** A teacher that writes answers, in words. Pure. */

import type { TaughtAnswer, TeachingJob } from '../../../workers/api';
import type { Teaching } from '../../state/teaching.svelte';
import { isTaught } from '../../state/taught-rows';
import { duration } from '../charts/figures';
import { count, plural } from '../format';

export const DOING: Readonly<Record<Teaching, string>> = {
  reading: 'Reading the questions',
  loading: 'Loading the teacher',
  writing: 'The teacher writes',
  opening: 'Opening the answers',
};

/** How far it is: `12 of 200 answers, 3 min left`. */
export function progressWords({ rows }: Pick<TeachingJob, 'rows'>, done: number, left: number | null): string {
  return `${count(done)} of ${plural(rows.length, 'answer')}${left === null ? '' : `, about ${duration(left)} left`}`;
}

/** What was written before it was stopped. */
export function stoppedWords({ teacher, name, rows }: TeachingJob, answers: readonly TaughtAnswer[]): string {
  const written = `${teacher.name} has written ${count(answers.length)} of ${plural(rows.length, 'answer')} to the questions of ${name}.`;
  const left = answers.filter((answer) => !isTaught(answer)).length;
  if (left === 0) return written;
  return `${written} ${plural(left, 'answer')} ${left === 1 ? 'is' : 'are'} cut off or empty, and left out.`;
}
