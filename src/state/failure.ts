/** Converts anything thrown to what the page shows, and reports it in the journal. */

import { codeOf, messageOf, type ErrorCode, type Problem } from '../core/errors';
import { journal } from './journal.svelte';

/** A failure as the page shows it. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly problems: readonly Problem[];
}

/** Reads an error, also one that crossed a worker boundary, and reports it in the journal. */
export function failureOf(error: unknown): Failure {
  const failure = readFailure(error);
  journal({ event: 'error', code: failure.code, message: failure.message });
  return failure;
}

/** Reads an error that answers a question of the page's own, and is not reported. */
export function readFailure(error: unknown): Failure {
  return { code: codeOf(error), message: messageOf(error), problems: problemsOf(error) };
}

function problemsOf(error: unknown): readonly Problem[] {
  if (!(error instanceof Error) || !('problems' in error) || !Array.isArray(error.problems)) return [];
  return error.problems.filter(isProblem);
}

function isProblem(value: unknown): value is Problem {
  return typeof value === 'object' && value !== null && 'where' in value && 'message' in value;
}
