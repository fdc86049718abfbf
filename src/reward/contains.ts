/** The answer contains a text: 1, else 0. */

import type { RewardSettingsOf } from '../recipe/rewards';
import type { Reward } from './reward';

export const contains: Reward<RewardSettingsOf<'contains'>> = {
  score({ text: answer }, { text, ignoreCase }) {
    const found = ignoreCase ? answer.toLowerCase().includes(text.toLowerCase()) : answer.includes(text);
    return found ? 1 : 0;
  },
};
