/** Reports all problems of files in one error. */

import { CodedError, type ErrorCode, type Problem } from './errors';

/** How many problems the message lists; `problems` has all of them. */
const SHOWN = 6;

/** An error whose message lists the first problems. */
export function problemsError(code: ErrorCode, lead: string, problems: readonly Problem[], advice: string): CodedError {
  const shown = problems.slice(0, SHOWN).map((p) => `${p.where}: ${p.message}`);
  const rest = problems.length > SHOWN ? `; and ${problems.length - SHOWN} more` : '';
  return new CodedError(code, `${lead}: ${shown.join('; ')}${rest}. ${advice}`, problems);
}
