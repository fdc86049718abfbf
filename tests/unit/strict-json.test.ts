/** The strict JSON parser compared with JSON.parse, and where it is stricter. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonObject, parseStrict, type Json } from '../../src/formats/strict-json';

function plain(value: Json): unknown {
  if (value instanceof JsonObject) return Object.fromEntries(value.members.map(([key, member]) => [key, plain(member)]));
  if (typeof value === 'bigint') return Number(value);
  return Array.isArray(value) ? value.map((item: Json) => plain(item)) : value;
}

describe('parseStrict', () => {
  it('agrees with JSON.parse on any JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom(0, 2), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        const expected: unknown = JSON.parse(text);
        expect(JSON.stringify(plain(parseStrict(text)))).toBe(JSON.stringify(expected));
      }),
      { numRuns: 2000 },
    );
  });

  it('refuses what JSON.parse refuses, and always ends', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...Array.from('{}[]",:\\01e.-tru nl\n')) }), (text) => {
        const valid = (parse: (text: string) => unknown) => {
          try {
            parse(text);
            return true;
          } catch (error) {
            expect(error).toBeInstanceOf(SyntaxError);
            return false;
          }
        };
        expect(valid(parseStrict)).toBe(valid(JSON.parse));
      }),
      { numRuns: 3000 },
    );
  });

  it('gives repeated keys and numbers that a double would round', () => {
    const value = parseStrict('{"a":1,"b":9007199254740993,"a":2,"__proto__":3}') as JsonObject;
    expect(value.repeated()).toEqual(['a']);
    expect(value.get('b')).toBe(9007199254740993n);
    expect(value.get('__proto__')).toBe(3);
  });

  it('refuses deep nesting instead of overflowing the stack', () => {
    expect(() => parseStrict('['.repeat(100_000))).toThrow(/nested/);
  });

  it('reports the position of an error', () => {
    expect(() => parseStrict('{"a": 01}')).toThrow('expected "," or "}" at character 7');
    expect(() => parseStrict('{"a" 1}')).toThrow('expected ":" at character 5');
  });
});
