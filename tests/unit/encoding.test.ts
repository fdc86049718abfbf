// Encodings of labelled texts and of pairs, and that those of texts and conversations are what they were.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LabelledExample, Message, PairExample } from '../../src/dataset/types';
import { ENCODINGS } from '../../src/encoding';
import type { Document, Dropped, Encoded, Target } from '../../src/encoding/encoding';
import { encodePrompt } from '../../src/tokenizer/encode';
import { LOSSLESS_NAMES, needTokenizer, starterWith, tokenizerOf } from './tokenizer-files';

const user = (content: string): Message => ({ role: 'user', content });
const assistant = (content: string): Message => ({ role: 'assistant', content });

function encoded(found: Encoded | Dropped): Encoded {
  if ('dropped' in found) throw new Error(found.dropped);
  return found;
}

function only(found: Encoded | Dropped): Document {
  const [document, ...others] = encoded(found).documents;
  if (document === undefined || others.length > 0) throw new Error('expected one document');
  return document;
}

describe('labelled texts', () => {
  const tokenizer = tokenizerOf('starter-encoder');
  const CLASSES: Target = { kind: 'class', names: ['ham', 'spam'] };
  const example = (labels: readonly string[], text = 'win a prize', second: string | null = null): LabelledExample => {
    return { kind: 'labelled', line: 1, text, second, labels };
  };
  const encode = (one: LabelledExample, target: Target, length = 128): Encoded | Dropped => {
    const whole = ENCODINGS.labelled.encode(tokenizer, one, { target });
    return 'dropped' in whole ? whole : ENCODINGS.labelled.cut(tokenizer, whole, length);
  };

  it('have special tokens, no loss on tokens, and the index of the class', () => {
    const found = encoded(encode(example(['spam']), CLASSES));
    const ids = [2, ...tokenizer.encode('win a prize'), 3];
    expect(found).toEqual({
      documents: [{ ids, trained: ids.map(() => 0), types: ids.map(() => 0) }],
      target: [1],
      truncated: 0,
    });
  });

  it('have the type ids of a pair, also when the second text is empty', () => {
    const { ids, types } = only(encode(example(['ham'], 'one', 'two'), CLASSES));
    expect([ids.length, types]).toEqual([5, [0, 0, 0, 1, 1]]);
    expect(only(encode(example(['ham'], 'one', ''), CLASSES))).toMatchObject({
      ids: [2, tokenizer.encode('one')[0], 3, 3],
      types: [0, 0, 0, 1],
    });
  });

  it('keep the last special token when they are truncated', () => {
    const found = encoded(encode(example(['ham'], 'one two three four five'), CLASSES, 4));
    expect([found.documents[0]?.ids[0], found.documents[0]?.ids.at(-1), found.truncated]).toEqual([2, 3, 3]);
  });

  it('have a flag for each label, or numbers', () => {
    const labels: Target = { kind: 'labels', names: ['a', 'b', 'c'] };
    expect(encoded(encode(example(['c', 'a']), labels)).target).toEqual([1, 0, 1]);
    expect(encoded(encode(example([]), labels)).target).toEqual([0, 0, 0]);
    expect(encoded(encode(example(['1.5', '-2']), { kind: 'numbers', count: 2 })).target).toEqual([1.5, -2]);
  });

  it('are dropped with the reason', () => {
    const reason = (one: LabelledExample, target: Target, length?: number) => encode(one, target, length);
    expect(reason(example(['eggs']), CLASSES)).toEqual({ dropped: '"eggs" is none of the 2 labels: "ham", "spam".' });
    expect(reason(example([]), CLASSES)).toEqual({ dropped: 'It has 0 labels, expected one.' });
    expect(reason(example(['x']), { kind: 'numbers', count: 1 })).toEqual({ dropped: '"x" is not a number.' });
    expect(reason(example(['1']), { kind: 'numbers', count: 2 })).toEqual({ dropped: 'It has 1 numbers, expected 2.' });
    expect(reason(example(['ham']), CLASSES, 2)).toMatchObject({
      dropped: expect.stringContaining('sequence length of 2') as string,
    });
  });

  it('are dropped when a tokenizer without special tokens finds nothing in them', () => {
    const plain = tokenizerOf('gpt2-like');
    const whole = ENCODINGS.labelled.encode(plain, example(['ham'], ''), { target: CLASSES });
    expect('dropped' in whole ? whole : ENCODINGS.labelled.cut(plain, whole, 8)).toEqual({ dropped: 'It has no token.' });
  });

  it('end at the last token of the text for a decoder without special tokens', () => {
    const plain = tokenizerOf('gpt2-like');
    const whole = ENCODINGS.labelled.encode(plain, example(['ham'], 'plain text'), { target: CLASSES });
    if ('dropped' in whole) throw new Error(whole.dropped);
    expect(only(ENCODINGS.labelled.cut(plain, whole, 64)).ids).toEqual(plain.encode('plain text'));
  });

  it('add the inputs of their target', () => {
    const names = (target: Target) =>
      ENCODINGS.labelled.columns({ target }).map(({ name, dtype, width }) => `${name} ${dtype} ${width}`);
    expect(names(CLASSES)).toEqual(['types i32 1', 'documents i32 1', 'pooled i32 1', 'classes i32 1', 'documentWeights f32 1']);
    expect(names({ kind: 'labels', names: ['a', 'b', 'c'] })).toContain('targets f32 3');
    expect(names({ kind: 'numbers', count: 2 })).toContain('targets f32 2');
  });
});

describe('pairs', () => {
  const example = (chosen: string, rejected: string, prompt = [user('Sky?')]): PairExample => {
    return { kind: 'pair', line: 1, prompt, chosen: [assistant(chosen)], rejected: [assistant(rejected)] };
  };
  const encode = (tokenizer: ReturnType<typeof tokenizerOf>, one: PairExample, length = 1000): Encoded | Dropped => {
    const whole = ENCODINGS.pair.encode(tokenizer, one, {});
    return 'dropped' in whole ? whole : ENCODINGS.pair.cut(tokenizer, whole, length);
  };
  const marked = ({ ids, trained }: Document) => [...ids].filter((_, i) => trained[i] === 1);

  it.for(LOSSLESS_NAMES)('of %s begin with the prompt of generation and mark the answer only', (name, context) => {
    const tokenizer = needTokenizer(context, name);
    const text = fc
      .string({ unit: fc.constantFrom('a', 'Be', ' ', '.', 'é', '🙂', '2'), minLength: 1, maxLength: 8 })
      .filter((one) => one.trim() !== '');
    fc.assert(
      fc.property(text, text, text, (asked, good, bad) => {
        const prompt = [user(asked), assistant('First.'), user('And?')];
        const { documents } = encoded(encode(tokenizer, example(good, bad, prompt)));
        const opening = encodePrompt(tokenizer, { messages: prompt });
        for (const { ids, trained } of documents) {
          expect([...ids].slice(0, opening.length)).toEqual(opening);
          expect([...trained]).toEqual([...ids].map((_, i) => (i < opening.length ? 0 : 1)));
        }
      }),
      { numRuns: 20 },
    );
  });

  it('end with the end of the turn', () => {
    const tokenizer = tokenizerOf('starter');
    const [chosen, rejected] = encoded(encode(tokenizer, example('Blue.', 'Green.'))).documents;
    expect([chosen, rejected].map((one) => one && tokenizer.decode(marked(one), { skipSpecial: false }))).toEqual([
      'Blue.<|im_end|>',
      'Green.<|im_end|>',
    ]);
  });

  it('are cut together, the longer answer first', () => {
    const tokenizer = tokenizerOf('starter');
    const one = example('Blue.', 'Green '.repeat(30));
    const whole = encoded(encode(tokenizer, one)).documents.map(({ ids }) => ids.length);
    const [a = 0, b = 0] = whole;
    const cut = encoded(encode(tokenizer, one, 2 * a + 3));
    expect(cut.documents.map(({ ids }) => ids.length)).toEqual([a, a + 3]);
    expect(cut.truncated).toBe(b - a - 3);
  });

  it('are dropped when no token of an answer remains, or the template refuses', () => {
    const tokenizer = tokenizerOf('starter');
    expect(encode(tokenizer, example('Blue.', 'Green.'), 12)).toEqual({
      dropped: expect.stringContaining(
        'the 12 tokens that a row has room for, and no token of the preferred answer remains',
      ) as string,
    });
    const strict = starterWith({}, "{{ raise_exception('no') }}");
    expect(encode(strict, example('Blue.', 'Green.'))).toMatchObject({ dropped: expect.stringContaining('refuses') as string });
  });
});
