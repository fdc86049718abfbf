/** What the page takes from a recipe's objective. */

import { describe, expect, it } from 'vitest';
import { OBJECTIVE_SCHEMAS, type ObjectiveKind } from '../../src/recipe/objectives';
import { hasPairs, isCountedFor, objectiveBlocker, OFFERED } from '../../src/state/objective';
import type { DatasetView, EncodedStats } from '../../workers/api';

const viewOf = (format: string, ...roles: string[]) =>
  ({ format, columns: roles.map((role) => ({ role })) }) as unknown as DatasetView;
const PAIRS = viewOf('preference', 'user', 'assistant', 'rejected');
const statsOf = (kind: string) => ({ slots: { layout: { kind }, perRow: 1 } }) as unknown as EncodedStats;

describe('a run', () => {
  const blocked = (kind: ObjectiveKind, view: DatasetView) => objectiveBlocker(kind, view);

  it('of preferences needs pairs of answers', () => {
    expect([
      hasPairs(PAIRS),
      hasPairs(viewOf('preference', 'user', 'assistant', 'label')),
      hasPairs(viewOf('text', 'text')),
    ]).toEqual([true, false, false]);
    expect(blocked('dpo', PAIRS)).toBeNull();
    expect(blocked('dpo', viewOf('messages', 'messages'))).toMatch(/“dpo” needs a preferred and a rejected answer/);
    expect(blocked('sft', viewOf('messages', 'messages'))).toBeNull();
  });

  it('of an objective that the page does not offer can’t start', () => {
    const others = (Object.keys(OBJECTIVE_SCHEMAS) as ObjectiveKind[]).filter((kind) => !OFFERED.some((one) => one === kind));
    expect(others).not.toEqual([]);
    for (const kind of others) expect(blocked(kind, PAIRS)).toMatch(`“${kind}” yet: choose another one in the Recipe stage`);
  });
});

it('the statistics of another objective’s data are not used', () => {
  const tokens = {} as EncodedStats;
  expect([isCountedFor('sft', tokens), isCountedFor('dpo', tokens)]).toEqual([true, false]);
  expect([isCountedFor('sft', statsOf('pair')), isCountedFor('ipo', statsOf('pair'))]).toEqual([false, true]);
  expect(isCountedFor('dpo', statsOf('labelled'))).toBe(false);
});
