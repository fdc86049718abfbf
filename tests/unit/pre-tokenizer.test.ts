/** Pre-tokenizers give the pieces of the Python library. fixtures/make_pre_tokenized.py makes the expected ones. */

import { Tokenizer } from '@huggingface/tokenizers';
import { expect, it } from 'vitest';
import { exactPreTokenizer } from '../../src/tokenizer/pre-tokenizer';
import expected from './fixtures/pre-tokenized.json';

const FILE = { added_tokens: [], normalizer: null, post_processor: null, decoder: null };
const MODEL = { type: 'BPE', vocab: {}, merges: [] };

function pieces(step: object, text: string): readonly string[] {
  const made = new Tokenizer({ ...FILE, model: MODEL, pre_tokenizer: exactPreTokenizer(step) }, {});
  return made.pre_tokenizer?.pre_tokenize(text) ?? [];
}

it.each(expected.cases.map(({ step, pieces: wanted }) => [JSON.stringify(step), step, wanted] as const))(
  '%s',
  (_, step, wanted) => {
    expect(expected.texts.map((text) => pieces(step, text))).toEqual(wanted);
  },
);

it('leaves other pre-tokenizers as they are', () => {
  const step = { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first', split: false };
  expect(exactPreTokenizer(step)).toBe(step);
  expect(exactPreTokenizer(null)).toBeNull();
  expect(exactPreTokenizer({ type: 'Sequence', pretokenizers: [step] })).toEqual({ type: 'Sequence', pretokenizers: [step] });
});
