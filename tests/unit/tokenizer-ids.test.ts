// Ids are equal to those of the Python libraries: tokenizers 0.23, and transformers 5 with apply_chat_template. The hashes are over
// the ids of whole datasets. fixtures/make_fixtures.py makes the expected ids of the committed tokenizers and datasets.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it, type TestContext } from 'vitest';
import { openDataset } from '../../src/dataset/dataset';
import type { Message } from '../../src/dataset/types';
import { encodeExample } from '../../src/encoding/example';
import { encodePrompt } from '../../src/tokenizer/encode';
import { needShared, readShared } from '../shared';
import { unrolled, type Unrolled } from './dataset-open';
import expectedOfFixtures from './fixtures/tokenizer-expected.json';
import expected from './fixtures/tokenizer-ids.json';
import { needTokenizer, TOKENIZER_NAMES, type TokenizerName } from './tokenizer-files';

interface Expected {
  readonly ids: readonly number[][];
  readonly decoded: readonly string[];
  readonly corpus: Readonly<Record<string, string>>;
  readonly chats?: readonly number[][];
  readonly prompts?: readonly number[][];
}

const chats = expected.chats as readonly Message[][];

/** What is expected of a tokenizer; of the starter, in both files. */
function expectationsOf(name: TokenizerName): readonly Expected[] {
  const tables: readonly Readonly<Partial<Record<string, Expected>>>[] = [expectedOfFixtures, expected.tokenizers];
  return tables.flatMap((table) => table[name] ?? []);
}

/** A dataset of the page, of the fixtures, or (a bare name) of `../shared`. */
function openCorpus(context: TestContext, file: string): Promise<Unrolled> {
  if (!file.includes('/')) {
    needShared(context, `data/datasets/${file}`);
    return unrolled(openDataset(file, new Blob([readShared(`data/datasets/${file}`)])));
  }
  const root = file.startsWith('samples/') ? '../../public/' : 'fixtures/';
  return unrolled(openDataset(file, new Blob([new Uint8Array(readFileSync(new URL(root + file, import.meta.url)))])));
}

/** The texts that went into the hash: the turns of a chat, a text without its label, else the whole text. */
function textsOf({ examples, mapping }: Unrolled): string[] {
  return examples.flatMap((example) => {
    if (example.kind === 'text') return [example.text];
    const turns = example.messages.map((message) => message.content);
    return mapping.format === 'text-label' ? turns.slice(0, 1) : turns;
  });
}

it('expects something of every tokenizer', () => {
  for (const name of TOKENIZER_NAMES) expect(expectationsOf(name), name).not.toEqual([]);
});

describe.each(TOKENIZER_NAMES)('%s', { timeout: 60_000 }, (name) => {
  const wanted = expectationsOf(name);

  it('encodes and decodes sentences', (context) => {
    const tokenizer = needTokenizer(context, name);
    // The library drops a byte order mark at the start of a text when it decodes byte tokens.
    const plain = (text: string) => text.replace(/^\ufeff/, '');
    for (const { ids, decoded } of wanted) {
      expect(expected.sentences.map((sentence) => tokenizer.encode(sentence))).toEqual(ids);
      expect(ids.map((one) => plain(tokenizer.decode(one)))).toEqual(decoded.map(plain));
    }
  });

  for (const [file, hash] of wanted.flatMap(({ corpus }) => Object.entries(corpus))) {
    it(`encodes all of ${file}`, async (context) => {
      const tokenizer = needTokenizer(context, name);
      const sum = createHash('sha256');
      for (const text of textsOf(await openCorpus(context, file))) sum.update(`${tokenizer.encode(text).join(',')}\n`);
      expect(sum.digest('hex')).toBe(hash);
    });
  }

  for (const { chats: whole, prompts } of wanted) {
    if (whole === undefined) continue;
    it('renders and encodes conversations', (context) => {
      const tokenizer = needTokenizer(context, name);
      const encoded = chats.map((messages) => {
        return encodeExample(tokenizer, { kind: 'chat', line: 1, messages }, { sequenceLength: 1000, lossOn: 'all' });
      });
      expect(encoded.map((one) => ('ids' in one ? one.ids : one.dropped))).toEqual(whole);
      expect(chats.map((messages) => encodePrompt(tokenizer, { messages: messages.slice(0, -1) }))).toEqual(prompts);
    });
  }
});
