/** The key of masked personal data: masks and key together give the texts back, for every kind. */

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readMaskKey, putValuesBack, writeMaskKey } from '../../src/core/mask-key';
import { PERSONAL_KINDS, findPersonal, type PersonalKind } from '../../src/dataset/clean/personal';
import { applySteps } from '../../src/dataset/steps';
import { maskKeyOf } from '../../src/dataset/steps/mask-key';
import { allRows, cellText, listOfRows, type Table } from '../../src/dataset/table';
import { NO_PROBLEMS } from '../../src/dataset/problems';
import type { Mapping } from '../../src/dataset/types';
import { defaultDataStep, type DataStepSettings, type DataStepSettingsOf } from '../../src/recipe/data-steps';

const PLANTED = JSON.parse(readFileSync(new URL('./fixtures/personal.json', import.meta.url), 'utf8')) as readonly (readonly [
  PersonalKind,
  string,
])[];
const ANSWERED: Mapping = { format: 'prompt-completion', roles: ['user', 'assistant'] };
const MASK: DataStepSettingsOf<'mask-personal'> = {
  kind: 'mask-personal',
  ...{ email: true, phone: true, card: true, iban: true, ip: true, id: true, credentials: true, name: true },
  placeholders: 'numbered',
};

function tableOf(cells: readonly (readonly string[])[]): Table {
  const rows = cells.map((row, index) => ({ line: index + 1, cells: row }));
  const rest = { kind: 'csv', columns: ['a', 'b'], problems: NO_PROBLEMS, notes: [], headerless: false } as const;
  return { ...rest, rows: listOfRows(rows), sample: rows };
}

const pairs = (texts: readonly string[]) => texts.map((text, index) => [text, `Answer ${index}: ${texts.at(-index - 1) ?? ''}`]);

/** The masked texts, and the key after a way through its file. */
async function masked(cells: readonly (readonly string[])[], steps: readonly DataStepSettings[] = [MASK]) {
  const { table } = await applySteps(tableOf(cells), ANSWERED, steps, 0);
  const texts = (await allRows(table.rows)).map((row) => row.cells.map(cellText));
  const key = await maskKeyOf(tableOf(cells), ANSWERED, steps, 0, steps.indexOf(MASK));
  return { texts, key: key.size === 0 ? key : readMaskKey('key.json', writeMaskKey(key)) };
}

const restored = ({ texts, key }: Awaited<ReturnType<typeof masked>>) =>
  texts.map((row) => row.map((text) => putValuesBack(text, key)));

it.each(PERSONAL_KINDS)('gives texts with %s back', async (kind) => {
  const cells = pairs(PLANTED.filter(([one]) => one === kind).map(([, text]) => text));
  const made = await masked(cells);
  expect(made.key.size).toBeGreaterThan(50);
  const hidden = made.texts.flat().filter((text, index) => text !== cells.flat()[index]);
  expect(hidden.length).toBeGreaterThan(100);
  for (const text of hidden) expect(findPersonal(text, PERSONAL_KINDS)).toEqual([]);
  expect(restored(made)).toEqual(cells);
});

it('gives any texts back, also after other steps, and where the texts have placeholders of their own', async () => {
  const piece = fc.constantFrom(...PLANTED.map(([, text]) => text), '[EMAIL_1]', '[PHONE_3]', '[NAME_x]', '\n');
  const text = fc.array(piece, { minLength: 1, maxLength: 4 }).map((pieces) => pieces.join(' ').trim());
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(text, text), { maxLength: 8 }), async (cells) => {
      const spelled = cells.map((row) => row.map((one) => one.normalize('NFC')));
      expect(restored(await masked(cells, [defaultDataStep('trim'), MASK]))).toEqual(spelled);
    }),
    { numRuns: 100 },
  );
});

it('has no values where placeholders have no numbers', async () => {
  const plain = { ...MASK, placeholders: 'plain' } as const;
  const key = await maskKeyOf(tableOf([['Write to ada@example.com', 'ok']]), ANSWERED, [plain], 0, 0);
  expect(key.size).toBe(0);
});

it('is refused with a sentence when the file is another one', () => {
  for (const text of ['', '[]', '{}', 'null', '{"a": "b"}', '{"[EMAIL_1]": 5}', '{"[EMAIL_1] ": "x"}']) {
    expect(() => readMaskKey('recipe.json', text)).toThrow('recipe.json is no key of masked data');
  }
  expect(readMaskKey('key.json', '{"[EMAIL_1]": "a", "[IP_2]": ""}')).toEqual(
    new Map([
      ['[EMAIL_1]', 'a'],
      ['[IP_2]', ''],
    ]),
  );
});
