/** The length of the answer is within limits: 1. Outside, the score falls to 0 at twice the greatest and at no length. */

import type { RewardSettingsOf } from '../recipe/rewards';
import type { Answer, Reward } from './reward';

type Settings = RewardSettingsOf<'length'>;

export const length: Reward<Settings> = {
  score(answer, { unit, min, max }) {
    const found = LENGTHS[unit](answer);
    if (found < min) return found / min;
    return max === 0 || found <= max ? 1 : Math.max(0, 2 - found / max);
  },
};

const LENGTHS: { readonly [K in Settings['unit']]: (answer: Answer) => number } = {
  characters: ({ text }) => Array.from(text).length,
  words: ({ text }) => text.split(/\s+/u).filter((word) => word !== '').length,
  tokens: ({ tokens }) => tokens,
};
