import { expect, it } from 'vitest';
import { hashOf, placeOf } from '../../src/state/place';

it('reads the address that it wrote', () => {
  const place = { view: 'runs', tab: null, options: { sort: 'name', show: 'a b,c&d' } } as const;
  expect(placeOf(hashOf(place))).toEqual(place);
  expect(hashOf({ view: 'use', tab: 'measure', options: {} })).toBe('#use/measure');
  expect(placeOf('#use/measure')).toEqual({ view: 'use', tab: 'measure', options: {} });
  expect(placeOf('#data')).toEqual({ view: 'data', tab: null, options: {} });
});

it.each(['', '#', '#stages', '#nothing/else', '?use'])('knows no place %o', (hash) => expect(placeOf(hash)).toBeNull());
