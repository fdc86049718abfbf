/** What the page takes from a recipe's objective. */

import { describe, expect, it } from 'vitest';
import type { ObjectiveKind } from '../../src/recipe/objectives';
import { hasPairs, isCountedFor, objectiveBlocker, tasksOf } from '../../src/state/objective';
import type { DatasetView, DataTask, EncodedStats } from '../../workers/api';

const viewOf = (format: string, task: DataTask, ...roles: string[]) =>
  ({ format, task: { task }, columns: roles.map((role) => ({ role })) }) as unknown as DatasetView;
const PAIRS = viewOf('preference', 'preference', 'user', 'assistant', 'rejected');
const statsOf = (kind: string) => ({ slots: { layout: { kind }, perRow: 1 } }) as unknown as EncodedStats;

describe('a run', () => {
  const blocked = (kind: ObjectiveKind, view: DatasetView) => objectiveBlocker(kind, view);

  it('of preferences needs pairs of answers', () => {
    expect([
      hasPairs(PAIRS),
      hasPairs(viewOf('preference', 'preference', 'user', 'assistant', 'label')),
      hasPairs(viewOf('text', 'text', 'text')),
    ]).toEqual([true, false, false]);
    expect(blocked('dpo', PAIRS)).toBeNull();
    expect(blocked('dpo', viewOf('messages', 'text', 'messages'))).toMatch(/“dpo” needs a preferred and a rejected answer/);
    expect(blocked('sft', viewOf('messages', 'text', 'messages'))).toBeNull();
  });

  it('of labels needs data with such labels', () => {
    const labelled = viewOf('text-label', 'categories', 'text', 'label');
    expect(tasksOf(labelled)).toEqual(['categories', 'text']);
    expect([blocked('classify', labelled), blocked('sft', labelled)]).toEqual([null, null]);
    expect(blocked('regress', labelled)).toMatch(/“regress” does not suit these data\. Choose what to learn in the Data stage/);
    expect(blocked('classify', PAIRS)).toMatch(/does not suit/);
  });
});

it('the statistics of another objective’s data are not used', () => {
  const tokens = {} as EncodedStats;
  expect([isCountedFor('sft', tokens), isCountedFor('dpo', tokens)]).toEqual([true, false]);
  expect([isCountedFor('sft', statsOf('pair')), isCountedFor('ipo', statsOf('pair'))]).toEqual([false, true]);
  expect(isCountedFor('dpo', statsOf('labelled'))).toBe(false);
});
