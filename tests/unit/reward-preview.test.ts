/** The rewards of a recipe, tried on the answers of the data before a run. */

import { expect, it } from 'vitest';
import { Preparation } from '../../src/batch/preparation';
import { parseRecipe } from '../../src/recipe/recipe';
import type { RewardSettings } from '../../src/recipe/rewards';
import { previewRewards } from '../../src/train/reward-preview';
import { TextTokenizer } from '../../src/tokenizer/tokenizer';
import { previewNote } from '../../src/ui/recipe/reward-words';
import { filesOf } from './tokenizer-files';

const tokenizer = filesOf('starter');

const rewards: readonly RewardSettings[] = [
  { kind: 'contains', text: 'ten', ignoreCase: true, weight: 2 },
  { kind: 'equals', part: 'text', ignoreCase: true, weight: 1 },
  { kind: 'code', source: 'return prompt.includes("5") ? -0.25 : 0', weight: 1 },
];

async function preview(answers: readonly string[], objective: object) {
  const rows = answers.map((answer, i) => JSON.stringify({ prompt: `What is ${i + 3} plus two?`, completion: answer }));
  const recipe = parseRecipe({ heldOutRatio: 0, sequenceLength: 64, objective });
  const data = new Preparation();
  await data.open(new File([rows.join('\n')], 'rows.jsonl'));
  await data.setTokenizer(tokenizer);
  return previewRewards(await data.encode(recipe), recipe, new TextTokenizer(tokenizer), null);
}

it('scores each answer by each reward, with the question as the model reads it', async () => {
  const found = await preview(['Five.', 'Six.', 'Seven; not ten.'], { kind: 'grpo', rewards });
  const byAnswer = found.rows.toSorted((a, b) => a.answer.localeCompare(b.answer));
  expect(byAnswer).toEqual([
    { prompt: 'What is 3 plus two?', answer: 'Five.', scores: [0, 1, 0], total: 1 },
    { prompt: 'What is 5 plus two?', answer: 'Seven; not ten.', scores: [1, 1, -0.25], total: 2.75 },
    { prompt: 'What is 4 plus two?', answer: 'Six.', scores: [0, 1, 0], total: 1 },
  ]);
  expect(found).toMatchObject({ answers: 3, means: [1 / 3, 1, -0.25 / 3], mean: 4.75 / 3 });
});

it('shows five answers, and counts all', async () => {
  const found = await preview(
    Array.from({ length: 9 }, (_, i) => `Answer ${i}.`),
    { kind: 'grpo', rewards },
  );
  expect([found.answers, found.rows.length]).toEqual([9, 5]);
  expect(previewNote(rewards, found)).toBe(
    'The first 9 answers of the data get 0.972 points on average. None gets points for: contains “ten” (× 2). Is that meant?',
  );
});

it('says what is wrong with a function', async () => {
  const source = 'throw new Error("not yet written")';
  await expect(preview(['Five.'], { kind: 'grpo', rewards: [{ kind: 'code', source }] })).rejects.toMatchObject({
    code: 'reward/code',
    message: expect.stringContaining('not yet written') as string,
  });
});

it('refuses a recipe without rewards', async () => {
  await expect(preview(['Five.'], { kind: 'sft' })).rejects.toMatchObject({ code: 'recipe/invalid' });
});
