/** What holds for every data step on any rows. */

import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { applySteps, suggestSteps } from '../../src/dataset/steps';
import { allRows, type Table } from '../../src/dataset/table';
import { NO_PROBLEMS } from '../../src/dataset/problems';
import type { Mapping } from '../../src/dataset/types';
import { DATA_STEP_KINDS, defaultDataStep, type DataStepSettings } from '../../src/recipe/data-steps';
import { ANSWERED, LABELLED, mappingOf, tableOf } from './step-rows';

const text = fc.constantFrom(
  '',
  ' ',
  'a',
  'A',
  ' a',
  'a.',
  'é',
  'e\u0301',
  'yes',
  'Yes',
  'YES ',
  'no',
  'a;b',
  'A; b',
  'b',
  '😀 x',
  'cafÃ©',
  '<b>a</b> &amp; b',
  'a\u00a0\u200bb',
  'a b c d e f',
  'A b c d e, f!',
  'to the a@b.example',
  'Mr Brown, call 212-555-0123',
);
const cell = fc.oneof(
  { weight: 6, arbitrary: text },
  fc.constantFrom(null, undefined, 0, 1, true, '1'),
  fc.array(text, { maxLength: 3 }),
  fc.constantFrom('[{"role":"user","content":"<p>cafÃ©</p>"},{"role":"assistant","content":"a@b.example"}]'),
  fc.constant([
    { from: 'human', value: 'a\u00a0b' },
    { from: 'gpt', value: '<b>a</b>' },
  ]),
  fc.constantFrom('["A","a"]', '[1]', '{"role":"user","content":"a"}', '['),
);
const table = fc.array(fc.tuple(cell, cell, cell), { maxLength: 40 }).map(tableOf);
const mapping = fc.constantFrom(
  LABELLED,
  ANSWERED,
  mappingOf('text', 'text'),
  mappingOf('alpaca', 'user', 'context', 'assistant'),
  mappingOf('text-label', 'text', 'label', 'label'),
  mappingOf('messages', 'messages', 'assistant'),
  mappingOf('preference', 'user', 'assistant', 'rejected'),
);
/** `augment` adds copies of rows each time: see data-copies.test.ts. */
type OnceKind = Exclude<DataStepSettings['kind'], 'augment'>;
const ONCE_KINDS = DATA_STEP_KINDS.filter((kind): kind is OnceKind => kind !== 'augment');

const settingsOf: Readonly<Record<OnceKind, fc.Arbitrary<DataStepSettings>>> = {
  mojibake: fc.constant({ kind: 'mojibake' }),
  html: fc.record({ kind: fc.constant('html'), in: fc.constantFrom('input', 'all') }),
  normalise: fc.record({
    kind: fc.constant('normalise'),
    form: fc.constantFrom('NFC', 'NFKC'),
    spaces: fc.constantFrom('plain', 'single'),
    quotes: fc.constantFrom('keep', 'straight'),
  }),
  trim: fc.constant({ kind: 'trim' }),
  'fill-empty': fc.record({
    kind: fc.constant('fill-empty'),
    column: fc.constantFrom('', 'a', 'b', 'none'),
    from: fc.constantFrom('above', 'text'),
    text: fc.constantFrom('', ' ', 'other'),
  }),
  'merge-labels': fc.constant({ kind: 'merge-labels' }),
  'drop-duplicates': fc.constant({ kind: 'drop-duplicates' }),
  'drop-contradictions': fc.record({
    kind: fc.constant('drop-contradictions'),
    keep: fc.constantFrom('none', 'most-frequent'),
  }),
  length: fc.record({
    kind: fc.constant('length'),
    of: fc.constantFrom('input', 'answer'),
    min: fc.nat(4),
    max: fc.nat(8),
  }),
  'drop-near-duplicates': fc.record({
    kind: fc.constant('drop-near-duplicates'),
    similarity: fc.integer({ min: 50, max: 100 }),
    shingles: fc.constantFrom('words', 'characters'),
  }),
  'mask-personal': fc.record({
    kind: fc.constant('mask-personal'),
    ...{ email: fc.boolean(), phone: fc.boolean(), card: fc.boolean(), iban: fc.boolean(), ip: fc.boolean(), id: fc.boolean() },
    ...{ credentials: fc.boolean(), name: fc.boolean() },
    placeholders: fc.constantFrom('numbered', 'plain'),
  }),
  // Texts here are shorter than the least length of a part: one with parts is below.
  'cut-long': fc.record({ kind: fc.constant('cut-long'), most: fc.integer({ min: 100, max: 200 }), overlap: fc.nat(50) }),
  balance: fc.record({ kind: fc.constant('balance'), ratio: fc.constantFrom(1, 1.5, 2, 10), direction: fc.constant('down') }),
  'keep-some': fc.record({ kind: fc.constant('keep-some'), rows: fc.integer({ min: 1, max: 30 }) }),
  // Stems of stems may be shorter still: the words of these texts are chosen so that they are not.
  stem: fc.record({
    kind: fc.constant('stem'),
    language: fc.constantFrom('english', 'german', 'french', 'spanish', 'italian', 'portuguese', 'dutch'),
  }),
  'drop-stopwords': fc.record({
    kind: fc.constant('drop-stopwords'),
    language: fc.constantFrom('english', 'german', 'french', 'spanish', 'italian', 'portuguese', 'dutch'),
  }),
};

/** Makes a mutation throw. */
function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(frozen);
  return value;
}

describe.each(ONCE_KINDS)('%s, on any rows,', (kind) => {
  const check = (property: (before: Table, roles: Mapping, settings: DataStepSettings) => Promise<void>): Promise<void> =>
    fc.assert(
      fc.asyncProperty(table, mapping, settingsOf[kind], (rows, roles, settings) => property(frozen(rows), roles, settings)),
      {
        numRuns: 300,
      },
    );

  it('keeps or drops each row, in order, and counts those that it changes', async () => {
    await check(async (before, roles, settings) => {
      const { table: after, applied } = await applySteps(before, roles, [settings], 0);
      const [rowsBefore, rowsAfter] = [await allRows(before.rows), await allRows(after.rows)];
      const dropped = new Set(applied[0]?.dropped.first.map(({ line }) => line));
      const kept = rowsBefore.filter(({ line }) => !dropped.has(line));
      expect(rowsAfter.map(({ line }) => line)).toEqual(kept.map(({ line }) => line));
      expect(dropped.size).toBe(before.rows.count - after.rows.count);
      expect(applied[0]?.changed).toBe(rowsAfter.filter((row, index) => row !== kept[index]).length);
      for (const [index, row] of rowsAfter.entries()) {
        if (row !== kept[index]) expect(row).not.toEqual(kept[index]);
      }
    });
  });

  it('has no effect when it is applied again', async () => {
    await check(async (before, roles, settings) => {
      const once = await applySteps(before, roles, [settings], 0);
      const twice = await applySteps(once.table, roles, [settings], 0);
      expect(twice.applied[0]).toMatchObject({ changed: 0, dropped: NO_PROBLEMS, changes: [], parts: [] });
      expect(await allRows(twice.table.rows)).toEqual(await allRows(once.table.rows));
    });
  });
});

test('a step is suggested with valid settings, and only where it has the effect that is announced', async () => {
  await fc.assert(
    fc.asyncProperty(table, mapping, async (before, roles) => {
      for (const suggested of (await suggestSteps(frozen(before), roles, 0)).steps) {
        const { applied } = await applySteps(before, roles, [suggested.settings], 0);
        expect(applied).toEqual([suggested]);
        expect(suggested.changed + suggested.dropped.count).toBeGreaterThan(0);
        expect(defaultDataStep(suggested.settings.kind)).toEqual(suggested.settings);
      }
    }),
    { numRuns: 300 },
  );
});
