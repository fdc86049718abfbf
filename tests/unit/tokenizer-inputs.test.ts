// Texts and pairs with special tokens are equal to those of the Python library: ids, type ids and the mask of special tokens, of 201
// inputs (fixtures/make_fixtures.py), and their truncations.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sharedRoom } from '../../src/tokenizer/input';
import { TextTokenizer } from '../../src/tokenizer/tokenizer';
import table from './fixtures/tokenizer-inputs.json';
import { filesOf, tokenizerOf, TOKENIZER_NAMES, type TokenizerName } from './tokenizer-files';

type Texts = readonly [text: string] | readonly [text: string, second: string];
type Row = readonly [texts: Texts, first: string, ...hashes: string[]];

const inputs = table.inputs as unknown as readonly Row[];
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

function nameOf(name: string): TokenizerName {
  const found = TOKENIZER_NAMES.find((one) => one === name);
  if (found === undefined) throw new Error(`no tokenizer ${name}`);
  return found;
}

/** The row of an input as the script writes it. */
function rowOf(tokenizer: TextTokenizer, [text, second]: Texts): string {
  const encoded = tokenizer.encodeInput(text, second ?? null);
  if (encoded === null) throw new Error('no room');
  const digits = encoded.types.map((type, i) => String(type + 2 * (encoded.special[i] ?? 0)));
  return `${encoded.ids.join(' ')}|${digits.join('')}`;
}

it('the table has texts, pairs and five tokenizers', () => {
  expect(inputs.length).toBeGreaterThan(190);
  expect(inputs.filter(([texts]) => texts.length === 2).length).toBeGreaterThan(50);
  expect(table.tokenizers.map(({ name }) => name)).toEqual([
    'starter-encoder',
    'roberta-like',
    'gpt2-like',
    'llama2-like',
    'wordpiece',
  ]);
});

describe.each(table.tokenizers.map(({ name, truncated }, column) => ({ name: nameOf(name), truncated, column })))(
  '$name',
  ({ name, truncated, column }) => {
    const tokenizer = tokenizerOf(name);

    it('has the ids, type ids and special tokens of every input', () => {
      const written = (row: string) => (column === 0 ? row : sha256(row).slice(0, 8));
      const wrong = inputs.filter((row) => written(rowOf(tokenizer, row[0])) !== row[column + 1]);
      expect(wrong.map(([texts]) => texts)).toEqual([]);
    });

    it('is truncated as by the Python library', () => {
      const sum = createHash('sha256');
      for (const length of table.lengths) {
        for (const [[text, second]] of inputs) {
          const encoded = tokenizer.encodeInput(text, second ?? null, length);
          sum.update(`${(encoded?.ids ?? [-1]).join(',')}\n`);
          expect(encoded?.ids.length).toBeLessThanOrEqual(length);
        }
      }
      expect(sum.digest('hex')).toBe(truncated);
    });
  },
);

describe('the starter encoder', () => {
  const tokenizer = tokenizerOf('starter-encoder');
  const [CLS, SEP, UNK] = [2, 3, 1];

  it('has a padding token, and no end of text', () => {
    expect([tokenizer.padId, tokenizer.eosId, tokenizer.size]).toEqual([0, null, 10_000]);
    expect([tokenizer.prefix, tokenizer.suffix]).toEqual([[CLS], [SEP]]);
  });

  it('fits the weights beside it', () => {
    const read = (name: string) => readFileSync(new URL(`../../public/models/starter-encoder/${name}`, import.meta.url));
    const config = JSON.parse(read('config.json').toString()) as {
      vocab_size: number;
      pad_token_id: number;
      hidden_size: number;
    };
    expect([config.vocab_size, config.pad_token_id]).toEqual([tokenizer.size, tokenizer.padId]);
    const weights = read('model.safetensors');
    const header = weights.subarray(8, 8 + Number(weights.readBigUInt64LE(0))).toString();
    const tensors = JSON.parse(header) as Record<string, { dtype: string; shape: number[] } | undefined>;
    expect(tensors['embeddings.word_embeddings.weight']).toMatchObject({ dtype: 'F16', shape: [10_000, config.hidden_size] });
  });

  it('gives unknown characters one unknown id for each word', () => {
    expect(tokenizer.encodeInput('日 ☃☃ ok')?.ids).toEqual([CLS, UNK, UNK, ...tokenizer.encode('ok'), SEP]);
  });

  it('keeps the separators of a truncated pair, and says how much was cut off', () => {
    const encoded = tokenizer.encodeInput('one two three four', 'five six', 7);
    const [one, two, three, five, six] = tokenizer.encode('one two three five six');
    expect(encoded).toEqual({
      ids: [CLS, one, two, SEP, five, six, SEP],
      types: [0, 0, 0, 0, 1, 1, 1],
      special: [1, 0, 0, 1, 0, 0, 1],
      truncated: 2,
    });
    expect(three).toBeDefined();
  });

  it('has no tokens where the special tokens alone fill the length', () => {
    expect(tokenizer.encodeInput('word', null, 2)).toBeNull();
    expect(tokenizer.encodeInput('word', 'word', 3)).toBeNull();
    expect(tokenizer.encodeInput('word', null, 3)?.ids.length).toBe(3);
    expect(tokenizer.encodeInput('', null, 2)?.ids).toEqual([CLS, SEP]);
  });

  it('reads special tokens in a text as such, but does not mark them as added', () => {
    const encoded = tokenizer.encodeInput('[MASK] [SEP]');
    expect(encoded?.ids).toEqual([CLS, 4, SEP, SEP]);
    expect(encoded?.special).toEqual([1, 0, 0, 1]);
  });
});

describe('tokenizer_config.json', () => {
  it('decides whether start and end tokens are added, also around the texts of a pair', () => {
    const files = filesOf('llama2-like');
    const config = { bos_token: '<s>', eos_token: '</s>', add_bos_token: false, add_eos_token: true };
    const tokenizer = new TextTokenizer({ ...files, tokenizerConfig: JSON.stringify(config) });
    const [a, b] = [tokenizer.encode('one'), tokenizer.encode('two')];
    expect(tokenizer.encodeInput('one')?.ids).toEqual([...a, 2]);
    expect(tokenizer.encodeInput('one', 'two')?.ids).toEqual([...a, 2, ...b, 2]);
  });
});

describe('the normalizer of BERT', () => {
  it('lowers letter by letter, as the Python library: a sigma at the end of a word stays σ', () => {
    const files = filesOf('wordpiece');
    const vocab = { '[UNK]': 0, οδοσ: 1, οδος: 2 };
    const changes = {
      model: { type: 'WordPiece', vocab, unk_token: '[UNK]', continuing_subword_prefix: '##' },
      added_tokens: [],
    };
    const json = { ...(JSON.parse(files.tokenizerJson) as object), ...changes, post_processor: null };
    const tokenizer = new TextTokenizer({ ...files, tokenizerJson: JSON.stringify(json), tokenizerConfig: null });
    expect(tokenizer.encode('ΟΔΟΣ οδοσ οδος')).toEqual([1, 1, 2]);
  });
});

describe('post-processors', () => {
  const withProcessor = (processor: object) => {
    const files = filesOf('wordpiece');
    const tokenizer = { ...(JSON.parse(files.tokenizerJson) as object), post_processor: processor };
    return new TextTokenizer({ ...files, tokenizerJson: JSON.stringify(tokenizer) });
  };

  it('may be BERT’s own kind', () => {
    const bert = withProcessor({ type: 'BertProcessing', cls: ['[CLS]', 2], sep: ['[SEP]', 3] });
    expect(bert.encodeInput('the', 'the')).toEqual(tokenizerOf('wordpiece').encodeInput('the', 'the'));
  });

  it('may have a step of offsets beside the one that adds tokens', () => {
    const inner = { type: 'BertProcessing', cls: ['[CLS]', 2], sep: ['[SEP]', 3] };
    const both = withProcessor({ type: 'Sequence', processors: [{ type: 'ByteLevel', trim_offsets: true }, inner] });
    expect(both.encodeInput('the')).toEqual(tokenizerOf('wordpiece').encodeInput('the'));
  });

  it('of an unknown kind are refused by name', () => {
    expect(() => withProcessor({ type: 'Surprise' })).toThrow(/tokenizer\.json: post_processor/);
  });
});

describe('the room of a pair', () => {
  it('is taken from the longer text, until both are equal; of an odd room the longer one, or the second, has the rest', () => {
    const length = fc.integer({ min: 0, max: 30 });
    fc.assert(
      fc.property(length, length, length, (a, b, room) => {
        const [keptA, keptB] = sharedRoom(a, b, room);
        expect(keptA + keptB).toBe(Math.min(a + b, room));
        expect(keptA <= a && keptB <= b).toBe(true);
        const [shorter, longer] = a <= b ? [keptA, keptB] : [keptB, keptA];
        if (a + b > room) expect(shorter).toBe(Math.min(a, b, Math.floor(room / 2)));
        expect(longer).toBeGreaterThanOrEqual(shorter);
      }),
    );
  });
});
