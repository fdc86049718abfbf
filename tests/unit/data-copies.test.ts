/** Steps that add copies of rows: what a copy keeps, how it differs, and that seed and row decide about it. */

import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { AUGMENT_WAYS, augmentText, copyRandom, type AugmentWay } from '../../src/dataset/clean/augment';
import { applySteps, suggestSteps } from '../../src/dataset/steps';
import { allRows, listOfRows, type Row, type RowList, type Table } from '../../src/dataset/table';
import { NO_PROBLEMS } from '../../src/dataset/problems';
import type { Format, Mapping } from '../../src/dataset/types';
import { defaultDataStep, withoutCopies, type DataStepSettings, type DataStepSettingsOf } from '../../src/recipe/data-steps';

const mappingOf = (format: Format, ...roles: Mapping['roles']): Mapping => ({ format, roles });
const LABELLED = mappingOf('text-label', 'text', 'label');
const SENTENCE = 'Please send the whole amount back to my account this week';

function tableOf(rows: readonly Row[], list: RowList = listOfRows(rows)): Table {
  const columns = ['a', 'b', 'c'];
  return { kind: 'csv', columns, rows: list, sample: rows, problems: NO_PROBLEMS, notes: [], headerless: false };
}
const rowsOf = (cells: readonly (readonly unknown[])[]): Row[] => cells.map((row, index) => ({ line: index + 1, cells: row }));

async function apply(settings: DataStepSettings, mapping: Mapping, rows: readonly Row[], seed = 0) {
  const { table, applied } = await applySteps(tableOf(rows), mapping, [settings], seed);
  return { rows: await allRows(table.rows), step: applied[0] };
}

const augmentWith = (change: Partial<DataStepSettingsOf<'augment'>> = {}): DataStepSettingsOf<'augment'> => ({
  kind: 'augment',
  ...{ casing: true, typos: true, drop: true, swap: true, copies: 3, share: 20, only: 'all' },
  ...change,
});

/** Copies of a text, made in one way. */
const copies = (way: AugmentWay, text: string, share = 0.2, count = 40) =>
  Array.from({ length: count }, (_, copy) => augmentText(text, way, share, copyRandom(1, 7, copy)));

/** Distance of Damerau and Levenshtein with restricted transpositions, by its definition. */
function distance(a: string, b: string): number {
  const [n, m] = [a.length, b.length];
  const d = Array.from({ length: n + 1 }, (_, i) => Array.from({ length: m + 1 }, (_, j) => (i === 0 ? j : j === 0 ? i : 0)));
  const at = (i: number, j: number) => d[i]?.[j] ?? Infinity;
  for (let i = 1; i <= n; i++) {
    for (let j = 1; j <= m; j++) {
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(i - 2, j - 2) + 1 : Infinity;
      const least = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1), swapped);
      d[i]?.splice(j, 1, least);
    }
  }
  return at(n, m);
}

const words = (text: string) => text.split(' ');

describe('a changed text', () => {
  it('differs only in its case', () => {
    const made = new Set(copies('casing', SENTENCE));
    expect(made.size).toBe(3);
    for (const text of made) expect(text.toLowerCase()).toBe(SENTENCE.toLowerCase());
  });

  it('has one typing error in each changed word, never in its first letter', () => {
    const made = copies('typos', SENTENCE);
    for (const text of made) {
      const changed = words(text).filter((word, index) => word !== words(SENTENCE)[index]);
      expect(changed.length).toBeLessThanOrEqual(2);
      words(text).forEach((word, index) => {
        const before = words(SENTENCE)[index] ?? '';
        expect(distance(before, word)).toBeLessThanOrEqual(1);
        expect(word[0]).toBe(before[0]);
      });
    }
    const lengths = new Set(made.map(({ length }) => Math.sign(length - SENTENCE.length)));
    expect(lengths).toEqual(new Set([-1, 0, 1]));
    expect(made.filter((text) => text !== SENTENCE).length).toBeGreaterThan(30);
  });

  it('lacks words, but no negation', () => {
    const text = 'You did not send the book and I don’t want it';
    for (const made of copies('drop', text, 0.5)) {
      expect(words(made)).toHaveLength(5);
      expect(words(made)).toEqual(expect.arrayContaining(['not', 'don’t']));
      let from = -1;
      for (const word of words(made)) expect((from = words(text).indexOf(word, from + 1))).toBeGreaterThanOrEqual(0);
    }
  });

  it('has words that changed places with the next one', () => {
    for (const made of copies('swap', SENTENCE)) {
      expect(words(made).sort()).toEqual(words(SENTENCE).sort());
      const moved = words(made).flatMap((word, index) => (word === words(SENTENCE)[index] ? [] : [index]));
      expect(moved).toHaveLength(4);
      expect(moved[1]).toBe((moved[0] ?? 0) + 1);
    }
  });

  it.each([
    'no idea',
    'Send it, please!',
    '东京的天气今天很好',
    'if (a) { return b; }',
    'x = f(y)\n  + g(z)\nand so on it goes',
    '```\nsome code is in here\n```',
    '<p>This is a text with tags</p>',
    'select a => b from the table now',
    '1 2 3 4 5 6 7 8',
    '',
  ])('is the same where it is too short or code: %j', (text) => {
    for (const way of AUGMENT_WAYS) expect(new Set(copies(way, text, 0.5, 10))).toEqual(new Set([text]));
  });

  it('changes prose with addresses and placeholders', () => {
    for (const one of ['[EMAIL_1]', 'ada_b@c.example', 'https://a.example/b?c=d&e=f_g']) {
      const text = `Please write to ${one} about my order`;
      expect(new Set(AUGMENT_WAYS.flatMap((way) => copies(way, text, 0.2, 8))).size).toBeGreaterThan(8);
    }
  });

  it('keeps addresses, numbers and placeholders', () => {
    const kept = ['[EMAIL_1]', 'https://example.com/a?b=c', '1,234.50', 'a@b.example', 'A4711'];
    const text = `Please write to ${kept.join(' or ')} about the open bill`;
    for (const way of AUGMENT_WAYS)
      for (const made of copies(way, text, 0.5)) for (const one of kept) expect(made).toContain(one);
  });
});

const prose = fc.constantFrom(
  SENTENCE,
  'Where is the parcel that I ordered?',
  'no',
  '',
  'It does not work at all\nany more, sorry',
  '{};',
);
const label = fc.constantFrom('yes', 'Yes', 'no', '', 'a long answer that could be changed too');
const cells = fc.array(fc.tuple(prose, label, prose), { maxLength: 25 });
const mapping = fc.constantFrom(
  LABELLED,
  mappingOf('prompt-completion', 'user', 'assistant'),
  mappingOf('alpaca', 'user', 'assistant', 'context'),
  mappingOf('preference', 'user', 'assistant', 'rejected'),
  mappingOf('text', 'text'),
);
const settings = fc
  .record({ casing: fc.boolean(), typos: fc.boolean(), drop: fc.boolean(), swap: fc.boolean() })
  .chain((ways) =>
    fc
      .record({ copies: fc.integer({ min: 1, max: 4 }), only: fc.constantFrom('all' as const, 'rare' as const) })
      .map((rest) => augmentWith({ ...ways, ...rest })),
  );

const isChanged = ({ roles }: Mapping, column: number) => roles[column] === 'text' || roles[column] === 'user';

describe('augment, on any rows,', () => {
  it('keeps every row, and lets each be followed by different copies of its line with its answers', async () => {
    await fc.assert(
      fc.asyncProperty(cells, mapping, settings, async (given, roles, step) => {
        const before = rowsOf(given);
        const after = await apply(step, roles, before);
        expect(after.rows.filter((row) => before.includes(row))).toEqual(before);
        expect(after.step).toMatchObject({ changed: after.rows.length - before.length, dropped: NO_PROBLEMS });
        for (const row of before) {
          const made = after.rows.filter((one) => one.line === row.line && one !== row);
          expect(made.length).toBeLessThanOrEqual(step.copies);
          expect(new Set([row, ...made].map((one) => JSON.stringify(one.cells))).size).toBe(made.length + 1);
          for (const copy of made) {
            copy.cells.forEach((cell, column) => isChanged(roles, column) || expect(cell).toBe(row.cells[column]));
          }
        }
      }),
      { numRuns: 150 },
    );
  });

  it('makes the same copies whatever the order of reading, and whether rows come in one piece or several', async () => {
    await fc.assert(
      fc.asyncProperty(cells, settings, async (given, step) => {
        const rows = rowsOf(given);
        const written = (list: readonly Row[]) => list.map((row) => JSON.stringify(row)).sort();
        const [forward, backward] = [await apply(step, LABELLED, rows), await apply(step, LABELLED, rows.toReversed())];
        expect(written(backward.rows)).toEqual(written(forward.rows));
        const single: RowList = {
          count: rows.length,
          inMemory: false,
          async *read() {
            for (const row of rows) yield await Promise.resolve([row]);
          },
        };
        const { table } = await applySteps(tableOf(rows, single), LABELLED, [step], 0);
        expect(await allRows(table.rows)).toEqual(forward.rows);
      }),
      { numRuns: 100 },
    );
  });
});

describe('augment', () => {
  const rows = rowsOf([
    ...Array.from({ length: 20 }, (_, i) => [`${SENTENCE}, number ${i} of them`, 'Often']),
    ...Array.from({ length: 3 }, (_, i) => [`I want to change the address of order ${i}`, 'rare']),
  ]);
  const labels = (list: readonly Row[]) => list.filter(({ cells: [, name] }) => name === 'rare').length;

  it('makes copies of every row, others for another seed', async () => {
    const made = await apply(augmentWith({ copies: 2 }), LABELLED, rows);
    expect(made.rows).toHaveLength(3 * rows.length);
    expect(made.step?.changes).toHaveLength(3);
    expect(made.step?.changes[0]).toMatchObject({ line: 1, column: 'a' });
    expect((await apply(augmentWith({ copies: 2 }), LABELLED, rows, 1)).rows).not.toEqual(made.rows);
  });

  it('stops where a rare label has as many rows as the most frequent one', async () => {
    const few = await apply(augmentWith({ only: 'rare', copies: 4 }), LABELLED, rows);
    expect([few.rows.length, labels(few.rows)]).toEqual([20 + 15, 15]);
    const all = await apply(augmentWith({ only: 'rare', copies: 20 }), LABELLED, rows);
    expect([all.rows.length, labels(all.rows)]).toEqual([40, 20]);
  });

  it('changes the user’s turns of conversations only', async () => {
    const chat = [
      { role: 'system', content: SENTENCE },
      { role: 'user', content: SENTENCE },
      { role: 'assistant', content: SENTENCE },
    ];
    const made = await apply(augmentWith(), mappingOf('messages', 'messages'), rowsOf([[chat]]));
    expect(made.rows).toHaveLength(4);
    for (const {
      cells: [turns],
    } of made.rows.slice(1)) {
      expect(turns).toEqual([chat[0], { role: 'user', content: expect.any(String) as string }, chat[2]]);
      expect(turns).not.toEqual(chat);
    }
  });
});

test('balance repeats rows of rare labels, each as often as another or once more', async () => {
  const up = { kind: 'balance', ratio: 2, direction: 'up' } as const;
  const rows = rowsOf(
    [...Array<string>(21).fill('Yes'), ...Array<string>(4).fill('no'), ''].map((name, i) => [`text ${i}`, name]),
  );
  const made = await apply(up, LABELLED, rows);
  expect(made.rows).toHaveLength(21 + 11 + 1);
  const times = rows.slice(21, 25).map((row) => made.rows.filter(({ line }) => line === row.line).length);
  expect(times.sort()).toEqual([2, 3, 3, 3]);
  expect(made.step).toMatchObject({ changed: 7, dropped: NO_PROBLEMS, changes: [] });
  for (const row of made.rows) expect(row).toEqual(rows[row.line - 1]);
  expect((await apply(up, LABELLED, made.rows)).step?.changed).toBe(0);
});

test('copies are no duplicates of their row, but of another one', async () => {
  const rows = rowsOf([
    [SENTENCE, 'yes'],
    [SENTENCE, 'yes'],
    ['Where is the parcel that I ordered last week, and when does it come?', 'no'],
    ['I have paid for two weeks and got nothing', 'no'],
    ['I have paid for one week and got all', 'no'],
  ]);
  const up = { kind: 'balance', ratio: 1, direction: 'up' } as const;
  for (const adding of [up, augmentWith({ casing: true, typos: false, drop: false, swap: false, copies: 2 })]) {
    for (const kind of ['drop-duplicates', 'drop-near-duplicates'] as const) {
      const { table } = await applySteps(tableOf(rows), LABELLED, [adding, defaultDataStep(kind)], 0);
      const lines = (await allRows(table.rows)).map(({ line }) => line);
      const { rows: added } = await apply(adding, LABELLED, rows);
      const kept = added.map(({ line }) => line).filter((line) => line !== 2);
      if (kind === 'drop-near-duplicates' || adding === up) expect(lines).toEqual(kept);
    }
    const { table } = await applySteps(tableOf(rows.toSpliced(1, 1)), LABELLED, [adding], 0);
    expect((await suggestSteps(table, LABELLED, 0)).steps.map(({ settings }) => settings.kind)).toEqual([]);
  }
});

test('a model is measured on rows without copies', () => {
  const steps = [defaultDataStep('trim'), augmentWith(), { kind: 'balance', ratio: 1, direction: 'up' } as const];
  expect(withoutCopies([...steps, defaultDataStep('balance')])).toEqual([defaultDataStep('trim'), defaultDataStep('balance')]);
});
