/**
 * The answer is valid JSON, with nothing around it. With names: half for an object, and half by the share of the names that it has, so
 * that answers that come closer get more.
 */

import type { RewardSettingsOf } from '../recipe/rewards';
import type { Reward } from './reward';

export const json: Reward<RewardSettingsOf<'json'>> = {
  score({ text }, { keys }) {
    const value = parsed(text);
    if (value === undefined) return 0;
    if (keys.length === 0) return 1;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return 0;
    return 0.5 + (0.5 * keys.filter((key) => Object.hasOwn(value, key)).length) / keys.length;
  },
};

/** Undefined for what is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
