/** Collects what is wrong with a model's files and reports it all at once. */

import { CodedError, type ErrorCode, type Problem } from '../core/errors';

/** How many problems go into the message; all of them are in `problems`. */
const SHOWN = 6;

/** An error whose message lists the first problems, because only the message survives a worker boundary. */
export function problemsError(code: ErrorCode, lead: string, problems: readonly Problem[], advice: string): CodedError {
  const shown = problems.slice(0, SHOWN).map((p) => `${p.where}: ${p.message}`);
  const rest = problems.length > SHOWN ? `; and ${problems.length - SHOWN} more` : '';
  return new CodedError(code, `${lead}: ${shown.join('; ')}${rest}. ${advice}`, problems);
}
