/**
 * A reward function that fails in the middle of a run: whatever it does, the run is paused with a sentence, keeps its steps, and can be
 * the start of a run with a mended function.
 */

import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Fields } from '../../src/recipe/migrations';
import type { Recipe } from '../../src/recipe/recipe';
import { promptsAt } from '../../src/rollout/prompts';
import { TextTokenizer } from '../../src/tokenizer/tokenizer';
import { lastTurn } from '../../src/train/prompts';
import { rolloutPrompts } from '../../src/train/rollouts';
import { closeServices, Events, openTiny, tinyRecipe, type TinyService } from '../tiny-service';

vi.setConfig({ testTimeout: 60_000 });

/** One question a step; saved after each. */
const recipeWith = (source: string, changes: Fields = {}): Recipe =>
  tinyRecipe({
    ...{ maxSteps: 4, evalEvery: 4, saveEvery: 1, sampleEvery: 4, samplePrompts: ['Hello'], ...changes },
    objective: { kind: 'grpo', prompts: 1, answers: 2, answerLength: 4, rewards: [{ kind: 'code', source }] },
  });

let tiny: TinyService;
/** The question of the third step. */
let third: string;

beforeAll(async () => {
  tiny = await openTiny('wasm');
  const recipe = recipeWith('return answer.length');
  const { objective } = recipe;
  if (objective.kind !== 'grpo') throw new Error('another objective');
  const { dataset } = await tiny.setup(recipe);
  const tokenizer = new TextTokenizer(tiny.model.tokenizer);
  const { train } = rolloutPrompts(dataset, recipe, objective);
  const [index = 0] = promptsAt(2, 1, train.length, recipe.seed);
  third = lastTurn(tokenizer.decode([...(train[index]?.ids ?? [])], { skipSpecial: false }), tokenizer);
});
afterAll(closeServices);

/** A function that does this for the third question, and scores the others. */
const failing = (fault: string) => `if (prompt === ${JSON.stringify(third)}) { ${fault} } return answer.length;`;

test.each([
  ['an endless loop', 'for (;;);', 'longer than 0.5 s'],
  ['a network call', 'return fetch("https://example.org/").then(() => 1);', 'without network'],
  ['a huge string', 'let s = "x"; for (;;) s += s;', 'text that is too long'],
  ['a thrown error', 'throw new RangeError("no such answer");', 'RangeError: no such answer'],
  ['a wrong type', 'return { score: 1 };', 'type “object”'],
])('%s', async (_, fault, words) => {
  const events = new Events();
  const run = await tiny.service.start(await tiny.setup(recipeWith(failing(fault))), events.receive);
  expect(run).toMatchObject({ status: 'paused', step: 2 });
  expect(run.checkpoints.map(({ step }) => step)).toContain(2);
  expect(events.of('notice')).toEqual([
    { type: 'notice', code: 'reward/code', message: expect.stringContaining(words) as string },
  ]);
  // The same answer fails again, and nothing else happens.
  const again = await tiny.service.resume(run.id, events.receive);
  expect(again).toMatchObject({ status: 'paused', step: 2 });
  await tiny.service.deleteRun(run.id);
});

test('a run with a mended function starts from the paused one', async () => {
  const paused = await tiny.service.start(await tiny.setup(recipeWith(failing('return "1";'))), () => undefined);
  const init = { run: paused.id, name: paused.name, step: 2 };
  const mended = await tiny.service.start(await tiny.setup(recipeWith('return answer.length', { init })), () => undefined);
  expect(mended).toMatchObject({ status: 'finished', step: 4, parent: { runId: paused.id, step: 2 } });
});
