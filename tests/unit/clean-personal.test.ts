/** Personal data: found by kind in a planted set whose numbers python-stdnum made and refused; masked and restored. */

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import {
  findPersonal,
  maskPersonal,
  PERSONAL_KINDS,
  PersonalNumbers,
  placeholderOf,
  type PersonalKind,
} from '../../src/dataset/clean/personal';

type Planted = readonly [PersonalKind, string, readonly (readonly [PersonalKind, string])[]];
const PLANTED = JSON.parse(readFileSync(new URL('./fixtures/personal.json', import.meta.url), 'utf8')) as readonly Planted[];

const written = (text: string) =>
  findPersonal(text, PERSONAL_KINDS).map(({ kind, start, end }) => `${kind} ${text.slice(start, end)}`);

describe.each(PERSONAL_KINDS)('%s', (kind) => {
  const rows = PLANTED.filter(([one]) => one === kind);

  it('is found where it is, and only there: precision and recall are 0.95 at least', () => {
    let [hits, found, planted] = [0, 0, 0];
    const wrong: string[] = [];
    for (const [, text, values] of rows) {
      const expected = values.map(([one, value]) => `${one} ${value}`);
      const seen = written(text);
      const right = seen.filter((one) => expected.includes(one)).length;
      hits += right;
      found += seen.length;
      planted += expected.length;
      if (right !== expected.length || right !== seen.length) wrong.push(`${text} → ${seen.join()}`);
    }
    expect(planted).toBeGreaterThanOrEqual(75);
    expect(rows.length - planted).toBeGreaterThanOrEqual(75);
    expect(hits / found, wrong.join('\n')).toBeGreaterThanOrEqual(0.95);
    expect(hits / planted, wrong.join('\n')).toBeGreaterThanOrEqual(0.95);
  });
});

describe('masking', () => {
  const TEXTS = ['Write to Eva@example.com or eva@example.com.', 'Call 212-555-0123, not bob@example.org', '[EMAIL_4] is taken'];

  it('gives the same value the same number, from 1 in each kind, and no number that the texts have already', () => {
    const numbers = new PersonalNumbers();
    for (const text of TEXTS.toReversed()) numbers.read(text, PERSONAL_KINDS);
    const masked = TEXTS.map((text) => maskPersonal(text, PERSONAL_KINDS, (...value) => numbers.placeholder(...value)));
    expect(masked).toEqual(['Write to [EMAIL_6] or [EMAIL_6].', 'Call [PHONE_1], not [EMAIL_5]', '[EMAIL_4] is taken']);
    expect(numbers.placeholder('email', 'new@example.com')).toBe('[EMAIL]');
  });

  it('masks the chosen kinds only, and changes nothing when it is applied again', () => {
    const mask = (text: string, kinds: readonly PersonalKind[]) => maskPersonal(text, kinds, (kind) => placeholderOf(kind));
    const [, second = ''] = TEXTS;
    expect(mask(second, ['email'])).toBe('Call 212-555-0123, not [EMAIL]');
    expect(mask(second, [])).toBe(second);
    for (const [, text] of PLANTED) expect(mask(mask(text, PERSONAL_KINDS), PERSONAL_KINDS)).toBe(mask(text, PERSONAL_KINDS));
  });

  it('changes nothing but what it finds', () => {
    const piece = fc.constantFrom(...PLANTED.map(([, text]) => text), ...TEXTS, ' ', '\n');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
        const text = pieces.join('');
        const spans = findPersonal(text, PERSONAL_KINDS);
        spans.forEach(({ start, end }, index) => {
          expect(start).toBeLessThan(end);
          expect(start).toBeGreaterThanOrEqual(spans[index - 1]?.end ?? 0);
        });
        let count = 0;
        const values = new Map<string, string>();
        const masked = maskPersonal(text, PERSONAL_KINDS, (kind) => placeholderOf(kind, 1_000_000 + count++));
        spans.forEach(({ kind, start, end }, index) =>
          values.set(placeholderOf(kind, 1_000_000 + index), text.slice(start, end)),
        );
        const restored = [...values].reduce((left, [placeholder, value]) => left.replace(placeholder, () => value), masked);
        expect(restored).toBe(text);
      }),
      { numRuns: 200 },
    );
  });
});

test('numbers of ordinary text are no personal data', () => {
  const texts = [
    'In 2019-2020 the 1,234,567 people of 12 districts paid 3.14159 each.',
    'Call it version 10.2.3.4, chapter 4:15, at 12:30:45 on 01/02/2021.',
    'ISBN 978-3-16-148410-0, 0.5 to 0.75, 1e-10, #123456789, £1234567890',
    'a@b, user at example dot com, std::vector<int>::iterator',
    'The order 123456789 of 4 March has 1000 1000 1000 pieces.',
  ];
  expect(texts.flatMap(written)).toEqual([]);
});
