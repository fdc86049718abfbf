/** How much better answers are than others: what their tokens are made likelier by. Pure. */

import type { GrpoSettings } from '../recipe/objectives';

/** Added to a deviation, so that answers with one reward have no advantage; TRL's. */
const LEAST = 1e-4;

/**
 * (reward − mean of the prompt's answers) / (deviation + 1e-4), by answer; those to one prompt are `perPrompt` in a row. The deviation is
 * that of a sample (n − 1), as in TRL's GRPOTrainer.
 */
export function advantagesOf(
  rewards: readonly number[],
  perPrompt: number,
  scale: GrpoSettings['scaleRewards'],
): readonly number[] {
  const all = deviationOf(rewards);
  return Array.from({ length: rewards.length / perPrompt }, (_, prompt) => {
    const own = rewards.slice(prompt * perPrompt, (prompt + 1) * perPrompt);
    const divisor = { prompt: deviationOf(own) + LEAST, all: all + LEAST, none: 1 }[scale];
    const mean = meanOf(own);
    return own.map((reward) => (reward - mean) / divisor);
  }).flat();
}

export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** That of a sample; 0 of one value. */
export function deviationOf(values: readonly number[]): number {
  const mean = meanOf(values);
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1));
}
