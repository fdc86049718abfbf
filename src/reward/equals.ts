/** The answer is that of the data: 1, else 0. White space around it does not count. */

import type { RewardSettingsOf } from '../recipe/rewards';
import type { Reward } from './reward';

export const equals: Reward<RewardSettingsOf<'equals'>> = {
  score({ text, expected }, { part, ignoreCase }) {
    if (part === 'number') {
      const [found, wanted] = [lastNumber(text), lastNumber(expected)];
      return found !== null && found === wanted ? 1 : 0;
    }
    const plain = (value: string) => (ignoreCase ? value.trim().toLowerCase() : value.trim());
    return plain(text) === plain(expected) ? 1 : 0;
  },
};

/** Of `The sum is 1,234.` 1234; null where there is none. Word problems end with their result. */
function lastNumber(text: string): number | null {
  const last = [...text.matchAll(/[-+]?\d[\d,]*(?:\.\d+)?/gu)].at(-1)?.[0];
  return last === undefined ? null : Number(last.replaceAll(',', ''));
}
