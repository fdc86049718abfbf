/** Rewards: what each rule gives, and that a function that users write can do no harm. */

import { describe, expect, it } from 'vitest';
import { CodedError } from '../../src/core/errors';
import { parseRecipe } from '../../src/recipe/recipe';
import type { RewardSettings } from '../../src/recipe/rewards';
import { rewardsOf } from '../../src/reward';
import type { Answer } from '../../src/reward/reward';

const answer = (text: string, more: Partial<Answer> = {}): Answer => ({
  prompt: 'How many?',
  expected: '',
  tokens: 4,
  ids: [],
  ...more,
  text,
});

/** Rewards with defaults filled in, as a recipe has them. */
function settings(...rewards: readonly object[]): readonly RewardSettings[] {
  const { objective } = parseRecipe({ objective: { kind: 'grpo', rewards } });
  if (objective.kind !== 'grpo') throw new Error('another objective');
  return objective.rewards;
}

const scoreOf = async (reward: object, of: Answer): Promise<number> => (await rewardsOf(settings(reward), [of])).totals[0] ?? NaN;

describe('a rule', () => {
  it.each([
    [{ kind: 'contains', text: 'Yes' }, answer('oh yes!'), 1],
    [{ kind: 'contains', text: 'Yes', ignoreCase: false }, answer('oh yes!'), 0],
    [{ kind: 'matches', pattern: '^\\p{Lu}' }, answer('Émile'), 1],
    [{ kind: 'matches', pattern: '^a' }, answer('A'), 0],
    [{ kind: 'json' }, answer(' [1] '), 1],
    [{ kind: 'json' }, answer('{"a": 1} and more'), 0],
    [{ kind: 'json', keys: ['a', 'b'] }, answer('{"a": 1}'), 0.75],
    [{ kind: 'json', keys: ['a'] }, answer('["a"]'), 0],
    [{ kind: 'json', keys: ['toString'] }, answer('{}'), 0.5],
    [{ kind: 'length', min: 2, max: 4 }, answer('one two three'), 1],
    [{ kind: 'length', min: 4 }, answer('one two'), 0.5],
    [{ kind: 'length', max: 2, unit: 'characters' }, answer('😀😀😀'), 0.5],
    [{ kind: 'length', max: 3, unit: 'tokens' }, answer('a', { tokens: 9 }), 0],
    [{ kind: 'equals' }, answer(' Paris\n', { expected: 'paris' }), 1],
    [{ kind: 'equals', part: 'number' }, answer('So it is 1,234.', { expected: '#### 1234' }), 1],
    [{ kind: 'equals', part: 'number' }, answer('none', { expected: 'none' }), 0],
    [{ kind: 'contains', text: 'no', weight: -2 }, answer('no'), -2],
  ])('%j scores %j with %d', async (reward, of, expected) => {
    expect(await scoreOf(reward, of)).toBeCloseTo(expected, 12);
  });

  it('that takes for ever is ended', async () => {
    const slow = scoreOf({ kind: 'matches', pattern: '^(a+)+$' }, answer(`${'a'.repeat(40)}b`));
    await expect(slow).rejects.toThrow('longer than 0.5 s');
  });

  it('is summed with the others by weight', async () => {
    const rewards = settings({ kind: 'contains', text: 'a', weight: 2 }, { kind: 'contains', text: 'b', weight: 0.5 });
    const { scores, totals } = await rewardsOf(rewards, [answer('a'), answer('ab'), answer('c')]);
    expect([scores, totals]).toEqual([
      [
        [1, 1, 0],
        [0, 1, 0],
      ],
      [2, 2.5, 0],
    ]);
  });
});

describe('a function that the user writes', () => {
  const code = (source: string) => ({ kind: 'code', source });
  const failure = async (source: string): Promise<CodedError> => {
    const error: unknown = await scoreOf(code(source), answer('abc')).catch((reason: unknown) => reason);
    if (error instanceof CodedError) return error;
    throw new Error(`expected an error, got ${String(error)}`);
  };

  it('gets the prompt, the answer and what was expected', async () => {
    const source =
      'const parts = [prompt, answer, expected];\nreturn parts.map((part) => part.length).reduce((a, b) => 10 * a + b);';
    expect(await scoreOf(code(source), answer('abc', { prompt: 'x', expected: 'de' }))).toBe(132);
  });

  it('keeps nothing from one answer to the next', async () => {
    const source = 'globalThis.seen = (globalThis.seen ?? 0) + 1; Array.prototype.x = 1; return globalThis.seen;';
    expect((await rewardsOf(settings(code(source)), [answer('a'), answer('b')])).totals).toEqual([1, 1]);
    expect('x' in []).toBe(false);
  });

  it.each([
    ['an endless loop', 'while (true) {}', 'longer than 0.5 s'],
    ['an endless regular expression', 'return /^(a+)+$/.test("a".repeat(40) + "b") ? 1 : 0', 'longer than 0.5 s'],
    ['a huge string', 'let s = "x"; while (true) s += s;', 'text that is too long'],
    ['a huge array', 'return new Uint8Array(1e9).length', '64 MB'],
    ['endless recursion', 'const f = () => f() + 1; return f();', 'stack'],
    ['the network', 'return fetch("https://example.org")', 'without network'],
    ['the network by a request', 'new XMLHttpRequest(); return 1', 'without network'],
    ['a module', 'return import("https://example.org/m.js").then(() => 1)', 'type “object”'],
    ['an error', 'throw new TypeError("no good")', 'TypeError: no good'],
    ['a thrown text', 'throw "no good"', 'no good'],
    ['a wrong type', 'return "1"', 'type “string”'],
    ['a promise', 'return Promise.resolve(1)', 'type “object”'],
    ['nothing', '1', 'nothing'],
    ['no number', 'return 0 / 0', 'NaN'],
    ['a mistake in its text', 'return (', 'SyntaxError'],
  ])('is refused with a sentence for %s', async (_, source, words) => {
    const { code: kind, message, problems } = await failure(source);
    expect([kind, problems.length]).toEqual(['reward/code', 1]);
    expect(message).toContain('“abc”');
    expect(message).toContain(words);
  });
});
