/** Which dataset was made of ratings: by the hash of its file, so that a run on it knows how many it learns from. */

import type { StoredFeedback } from '../../workers/api';
import { FEEDBACK_KINDS } from './feedback-plan';
import { recall, remember } from './storage';

/** Remembers that a file has the rows of ratings. */
export function markAsFeedback(hash: string, feedback: StoredFeedback): void {
  remember('feedback', { hash, ...feedback });
}

/** The ratings that the file with this hash was made of; null for other data. */
export function feedbackOf(hash: string): StoredFeedback | null {
  const stored = recall('feedback');
  if (typeof stored !== 'object' || stored === null || !('hash' in stored) || stored.hash !== hash) return null;
  const kind = 'kind' in stored ? FEEDBACK_KINDS.find((one) => one === stored.kind) : undefined;
  const ratings = 'ratings' in stored && typeof stored.ratings === 'number' ? stored.ratings : null;
  return kind === undefined || ratings === null ? null : { kind, ratings };
}
