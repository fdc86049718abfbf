/** Which prompts a run is sampled with: decided by what the data are, not by the loss mask. */

import { describe, expect, test } from 'vitest';
import { Preparation } from '../../src/batch/preparation';
import type { RunPrompt } from '../../src/checkpoint/types';
import { parseRecipe } from '../../src/recipe/recipe';
import { promptsOf } from '../../src/train/prompts';
import { filesOf, tokenizerOf } from './tokenizer-files';

const tokenizer = tokenizerOf('starter');

const chats = Array.from({ length: 12 }, (_, i) => JSON.stringify({ prompt: `question ${i}`, completion: `answer ${i}` }));
const texts = Array.from({ length: 12 }, (_, i) =>
  JSON.stringify({ text: `The lamp number ${i} of the tower turns all night long.` }),
);

async function datasetOf(lines: readonly string[], lossOn: 'assistant' | 'all') {
  const data = new Preparation();
  await data.open(new File([lines.join('\n')], 'data.jsonl'));
  await data.setTokenizer(filesOf('starter'));
  return data.encode(parseRecipe({ sequenceLength: 64, heldOutRatio: 0.2, lossOn }));
}

const recipe = (samplePrompts: readonly string[] = []) => parseRecipe({ samplePrompts });
const stored: RunPrompt[] = [
  { text: 'question 3', system: 'Be brief.', kind: 'chat' },
  { text: 'question 5', system: null, kind: 'chat' },
  { text: 'question 7', system: null, kind: 'chat' },
];

describe.each(['assistant', 'all'] as const)('with loss on %s', (lossOn) => {
  test("the recipe's prompts are user turns where the data are conversations", async () => {
    const dataset = await datasetOf(chats, lossOn);
    const run = { recipe: recipe(['Hello?']), ...(dataset.kind && { dataKind: dataset.kind }) };
    expect(promptsOf(run, dataset, tokenizer)).toEqual([
      { shown: 'Hello?', request: { prompt: { messages: [{ role: 'user', content: 'Hello?' }] } } },
    ]);
  });

  test("the recipe's prompts are continued where the data are texts", async () => {
    const dataset = await datasetOf(texts, lossOn);
    const run = { recipe: recipe(['The lamp']), ...(dataset.kind && { dataKind: dataset.kind }) };
    expect(promptsOf(run, dataset, tokenizer)).toEqual([{ shown: 'The lamp', request: { prompt: { text: 'The lamp' } } }]);
  });
});

test('conversations with loss on all tokens are sampled with the prompts stored with the run', async () => {
  const dataset = await datasetOf(chats, 'all');
  const found = promptsOf({ recipe: recipe(), dataKind: 'chat', prompts: stored }, dataset, tokenizer);
  const system = { role: 'system', content: 'Be brief.' };
  expect(found).toEqual([
    { shown: 'question 3', request: { prompt: { messages: [system, { role: 'user', content: 'question 3' }] } } },
    { shown: 'question 5', request: { prompt: { messages: [{ role: 'user', content: 'question 5' }] } } },
  ]);
});

test('conversations with loss on answers are sampled with the tokens before the first answer', async () => {
  const dataset = await datasetOf(chats, 'assistant');
  const [first] = promptsOf({ recipe: recipe(), dataKind: 'chat', prompts: stored }, dataset, tokenizer);
  expect(first?.shown).toMatch(/^question \d+$/);
  const ids = first && 'ids' in first.request.prompt ? first.request.prompt.ids : [];
  expect(tokenizer.decode(ids, { skipSpecial: false })).toBe(
    `<|im_start|>user\n${first?.shown ?? ''}<|im_end|>\n<|im_start|>assistant\n`,
  );
});

test('runs of earlier versions, which do not store what the data are, keep their prompts', async () => {
  const [masked, whole] = [await datasetOf(chats, 'assistant'), await datasetOf(chats, 'all')];
  const [chat] = promptsOf({ recipe: recipe(['Hello?']) }, masked, tokenizer);
  const [text] = promptsOf({ recipe: recipe(['Hello?']) }, whole, tokenizer);
  expect(chat?.request.prompt).toHaveProperty('messages');
  expect(text?.request.prompt).toEqual({ text: 'Hello?' });
});
