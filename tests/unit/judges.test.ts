/** Runs that score the answers of others: which are offered, and what keeps a run from being rewarded so. */

import { expect, it } from 'vitest';
import type { RunView } from '../../workers/api';
import { defaultObjective, type ObjectiveKind } from '../../src/recipe/objectives';
import { parseRecipe } from '../../src/recipe/recipe';
import { readRewards } from '../../src/recipe/rewards';
import { judgeBlocker, judgeRuns } from '../../src/state/judges';
import { rewardText } from '../../src/ui/recipe/reward-words';

const run = (id: string, kind: ObjectiveKind, changes: Partial<RunView> = {}) =>
  ({
    ...{ id, name: `run ${id}`, modelId: 'm', modelName: 'starter', checkpoints: [{ step: 4 }] },
    ...{ recipe: { objective: defaultObjective(kind) }, ...changes },
  }) as RunView;

const list = [
  run('score', 'reward'),
  run('topics', 'classify', { labels: ['good', 'bad'] }),
  run('number', 'regress'),
  run('writer', 'sft'),
  run('fresh', 'reward', { checkpoints: [] }),
  run('other', 'reward', { modelId: 'other', modelName: 'SmolLM2' }),
];
const recipeOf = (reward: object) => parseRecipe({ objective: { kind: 'ppo', rewards: [{ kind: 'model', ...reward }] } });

it('are those on the chosen model that have a checkpoint and give a score, a probability or a number', () => {
  expect(judgeRuns(list, 'm').map(({ id }) => id)).toEqual(['score', 'topics', 'number']);
  expect(judgeRuns(list, null)).toEqual([]);
});

it('block the start when they are missing, of another model, or without their checkpoint', () => {
  const blocked = (reward: object) => judgeBlocker(recipeOf(reward), list, 'm');
  expect(blocked({ run: 'score', step: 4 })).toBeNull();
  expect(blocked({ run: 'score', step: null })).toBeNull();
  expect(blocked({ run: 'gone', name: 'old judge' })).toMatch(
    /^The reward by old judge needs that run, which is not in this browser/,
  );
  expect(blocked({ run: 'other' })).toMatch(/run other was trained on SmolLM2/);
  expect(blocked({ run: 'score', step: 9 })).toMatch(/run score has no checkpoint of step 9 any more/);
  expect(judgeBlocker(parseRecipe({}), list, 'm')).toBeNull();
});

it('are named in the recipe, in words', () => {
  expect(readRewards([{ kind: 'model', run: '' }])).toBeNull();
  const [score, topic] =
    readRewards([
      { kind: 'model', run: 'score', name: 'run score', step: 4, weight: 2 },
      { kind: 'model', run: 'topics', name: 'run topics', label: 'good' },
    ]) ?? [];
  expect([score, topic].map((reward) => reward && rewardText(reward))).toEqual([
    'score by run score (× 2)',
    '“good” by run topics',
  ]);
});
