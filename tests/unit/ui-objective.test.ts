/** What the page takes from a recipe's objective. */

import { describe, expect, it } from 'vitest';
import type { ObjectiveKind } from '../../src/recipe/objectives';
import { goalOf, goalsOf, guessOf, mappingFor, objectiveBlocker, usedExamples, whyNot, type Goal } from '../../src/state/goal';
import {
  encodingOf,
  hasPairs,
  hasRatings,
  isCountedFor,
  isPreference,
  isRated,
  predicts,
  scores,
} from '../../src/state/objective';
import type { ColumnRole, DatasetView, DataTask, EncodedStats, Mapping } from '../../workers/api';

const reason = 'The reason of the guess.';
const viewOf = (format: string, task: DataTask, ...roles: string[]) =>
  ({
    format,
    task: { task, also: [], labels: null, reason, mapping: { format: 'text-label', roles } },
    columns: roles.map((role) => ({ role })),
  }) as unknown as DatasetView;
const PAIRS = viewOf('preference', 'preference', 'user', 'assistant', 'rejected');
const RATED = viewOf('preference', 'ratings', 'user', 'assistant', 'label');
const statsOf = (kind: string) => ({ slots: { layout: { kind }, perRow: 1 } }) as unknown as EncodedStats;

describe('a run', () => {
  const blocked = (kind: ObjectiveKind, view: DatasetView) => objectiveBlocker(kind, view)?.reason ?? null;

  it('of preferences needs pairs of answers', () => {
    expect([
      hasPairs(PAIRS),
      hasPairs(viewOf('preference', 'preference', 'user', 'assistant', 'label')),
      hasPairs(viewOf('text', 'text', 'text')),
    ]).toEqual([true, false, false]);
    expect(blocked('dpo', PAIRS)).toBeNull();
    expect(blocked('dpo', viewOf('messages', 'text', 'messages'))).toMatch(/learns from a preferred and a rejected answer/);
    expect(blocked('sft', viewOf('messages', 'text', 'messages'))).toBeNull();
  });

  it('of ratings needs rated answers, which pairs are not', () => {
    expect([RATED, PAIRS, viewOf('text-label', 'categories', 'text', 'label')].map(hasRatings)).toEqual([true, false, false]);
    expect([blocked('kto', RATED), blocked('sft', RATED)]).toEqual([null, null]);
    expect(blocked('kto', PAIRS)).toMatch(/learns from answers that are rated as good or bad/);
    expect(blocked('dpo', RATED)).toMatch(/learns from a preferred and a rejected answer/);
    const counts = { examples: 3, rows: 10, leftOut: 2 };
    const used = (kind: ObjectiveKind, view: DatasetView) => usedExamples(kind, { ...view, ...counts });
    expect([used('kto', RATED), used('sft', RATED), used('dpo', PAIRS), used('kto', PAIRS)]).toEqual([8, 3, 3, 3]);
    expect([isRated('kto'), isPreference('kto'), isRated('dpo')]).toEqual([true, false, false]);
  });

  it('of a reward model needs pairs too, and predicts scores instead of text', () => {
    expect(blocked('reward', PAIRS)).toBeNull();
    expect(blocked('reward', viewOf('messages', 'text', 'messages'))).toMatch(/learns from a preferred/);
    expect([encodingOf('dpo'), encodingOf('reward')]).toEqual([{ kind: 'pair' }, { kind: 'pair', margins: true }]);
    expect((['reward', 'classify', 'dpo'] as const).map((kind) => [predicts(kind), scores(kind)])).toEqual([
      [true, true],
      [true, false],
      [false, false],
    ]);
  });

  it('of labels needs data with such labels', () => {
    const labelled = viewOf('text-label', 'categories', 'text', 'label');
    expect([blocked('classify', labelled), blocked('sft', labelled)]).toEqual([null, null]);
    expect(blocked('regress', labelled)).toMatch(/predicts labels or numbers, which these data do not have/);
    expect(blocked('classify', PAIRS)).toMatch(/do not have/);
    expect(blocked('classify', viewOf('text', 'categories', 'text', 'ignore'))).toMatch(/do not have/);
  });
});

describe('what a dataset can be used for', () => {
  const TICKETS = viewOf('text-label', 'categories', 'text', 'label');
  const CHATS = viewOf('messages', 'text', 'messages');
  const DIARY = viewOf('text', 'text', 'text');
  /** A text beside a column of whole numbers, which the detected format ignores. */
  const URGENCY: DatasetView = {
    ...viewOf('text', 'number', 'text', 'ignore'),
    task: { task: 'number', also: ['categories'], labels: null, reason, mapping: mapping('text-label', 'text', 'label') },
  };

  function mapping(format: Mapping['format'], ...roles: ColumnRole[]): Mapping {
    return { format, roles };
  }

  it('is guessed, and of pairs it is first to write the preferred answers', () => {
    const views = [TICKETS, CHATS, DIARY, URGENCY, PAIRS, RATED];
    expect(views.map(guessOf)).toEqual(['categories', 'text', 'continue', 'number', 'text', 'text']);
  });

  it('is offered with the guess first', () => {
    expect([TICKETS, CHATS, DIARY, URGENCY, PAIRS, RATED].map(goalsOf)).toEqual([
      ['categories', 'text', 'continue'],
      ['text'],
      ['continue'],
      ['number', 'categories', 'text', 'continue'],
      ['text', 'preference'],
      ['text', 'ratings'],
    ]);
    expect([whyNot('ratings', RATED), mappingFor('ratings', RATED), goalOf('kto', RATED)]).toEqual([null, null, 'ratings']);
    expect(whyNot('ratings', PAIRS)).toMatch(/no column that tells good answers/);
  });

  it('is refused with a reason where the data lack it, and never for what is offered', () => {
    const served = (view: DatasetView) =>
      (['text', 'continue', 'preference', 'categories', 'labels', 'number'] as const).filter(
        (goal) => whyNot(goal, view) === null,
      );
    for (const view of [TICKETS, CHATS, DIARY, URGENCY, PAIRS]) expect(served(view).sort()).toEqual([...goalsOf(view)].sort());
    expect(whyNot('number', TICKETS)).toBe(reason);
    expect(whyNot('text', DIARY)).toBe('The rows are texts without answers.');
    expect(whyNot('continue', CHATS)).toBe('The rows have questions and answers, not one text each.');
    expect(whyNot('preference', TICKETS)).toBe('There is no column with rejected answers.');
  });

  it('has the mapping that it needs', () => {
    const needed = (view: DatasetView, ...goals: Goal[]) => goals.map((goal) => mappingFor(goal, view));
    expect(needed(TICKETS, 'categories', 'text', 'continue')).toEqual([null, null, mapping('text', 'text', 'ignore')]);
    const labelled = mapping('text-label', 'text', 'label');
    expect(needed(URGENCY, 'number', 'categories', 'text', 'continue')).toEqual([labelled, labelled, labelled, null]);
    expect([...needed(CHATS, 'text'), ...needed(DIARY, 'continue'), ...needed(PAIRS, 'text', 'preference')]).toEqual(
      Array(4).fill(null),
    );
  });

  it('is what an objective learns from it', () => {
    expect([goalOf('sft', TICKETS), goalOf('sft', DIARY), goalOf('distil', CHATS)]).toEqual(['text', 'continue', 'text']);
    expect([goalOf('ipo', PAIRS), goalOf('dpo', PAIRS), goalOf('regress', URGENCY)]).toEqual([
      'preference',
      'preference',
      'number',
    ]);
    expect([goalOf('classify', TICKETS), goalOf('multi-label', TICKETS)]).toEqual(['categories', 'labels']);
  });
});

it('the statistics of another objective’s data are not used', () => {
  const tokens = {} as EncodedStats;
  expect([isCountedFor('sft', tokens), isCountedFor('dpo', tokens)]).toEqual([true, false]);
  expect([isCountedFor('sft', statsOf('pair')), isCountedFor('ipo', statsOf('pair'))]).toEqual([false, true]);
  expect(isCountedFor('dpo', statsOf('labelled'))).toBe(false);
});
