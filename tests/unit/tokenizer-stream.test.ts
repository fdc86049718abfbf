// A stream decodes whole characters only, and all of the text.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TextStream } from '../../src/tokenizer/stream';
import { LOSSLESS_NAMES, needTokenizer, tokenizerOf } from './tokenizer-files';

const text = fc.string({
  unit: fc.constantFrom('a', 'The', ' ', '\n', 'é', '🙂', '日本', '👩‍👧', '.', 'ﬁ'),
  minLength: 1,
  maxLength: 15,
});

describe.each(LOSSLESS_NAMES)('%s', { timeout: 30_000 }, (name) => {
  it('gives the same text as decoding at once, without incomplete characters', (context) => {
    const tokenizer = needTokenizer(context, name);
    fc.assert(
      fc.property(text, (content) => {
        const ids = tokenizer.encode(content);
        const stream = new TextStream(tokenizer, { skipSpecial: true });
        const pieces = ids.map((id) => stream.push(id));
        expect(pieces.join('')).not.toContain('\ufffd');
        expect(pieces.join('') + stream.flush()).toBe(tokenizer.decode(ids));
      }),
    );
  });

  it('keeps the space before a text that continues another', (test) => {
    const tokenizer = needTokenizer(test, name);
    const all = tokenizer.encode('He said hello');
    const context = tokenizer.encode('He said');
    expect(all.slice(0, context.length)).toEqual(context);
    const stream = new TextStream(tokenizer, { context, skipSpecial: true });
    expect(
      all
        .slice(context.length)
        .map((id) => stream.push(id))
        .join(''),
    ).toBe(' hello');
  });
});

describe('ids without valid text', () => {
  const tokenizer = tokenizerOf('starter');
  const [first] = tokenizer.encode('🙂');

  it('give U+FFFD at the end', () => {
    const stream = new TextStream(tokenizer, { skipSpecial: true });
    expect(stream.push(first ?? -1)).toBe('');
    expect(stream.flush()).toBe('\ufffd');
    expect(stream.flush()).toBe('');
  });

  it('do not delay later text without limit', () => {
    const stream = new TextStream(tokenizer, { skipSpecial: true });
    const pieces = Array.from({ length: 20 }, () => stream.push(first ?? -1));
    expect(pieces.join('').length).toBeGreaterThan(8);
  });

  it('are skipped when the tokenizer does not know them', () => {
    expect(tokenizer.decode([999999])).toBe('');
    expect(tokenizer.decode([])).toBe('');
  });
});
