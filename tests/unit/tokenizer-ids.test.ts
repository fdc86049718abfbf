// Token for token what the Python libraries give. `fixtures/tokenizer-ids.json` was made by tokenizers 0.23 (stories260K) and
// transformers 5.23 (the others, with apply_chat_template); its hashes are over the ids of whole datasets.
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { openDataset } from '../../src/dataset/dataset';
import type { Example, Message } from '../../src/dataset/types';
import { encodeExample, encodePrompt } from '../../src/tokenizer/encode';
import { isShared, readShared } from './dataset-shared';
import expected from './fixtures/tokenizer-ids.json';
import { isPresent, TOKENIZER_NAMES, tokenizerOf, type TokenizerName } from './tokenizer-files';

interface Expected {
  readonly ids: readonly number[][];
  readonly decoded: readonly string[];
  readonly corpus: Readonly<Record<string, string>>;
  readonly chats?: readonly number[][];
  readonly prompts?: readonly number[][];
}

const byTokenizer: Readonly<Record<TokenizerName, Expected>> = expected.tokenizers;
const chats = expected.chats as readonly Message[][];

/** The texts that went into the hash: the turns of a chat, else the whole text. */
function textsOf(example: Example): string[] {
  if (example.kind === 'text') return [example.text];
  const turns = example.messages.map((message) => message.content);
  return turns.length === 2 && turns[1] !== undefined && /^(ham|spam)$/.test(turns[1]) ? turns.slice(0, 1) : turns;
}

describe.each(TOKENIZER_NAMES)('%s', { timeout: 60_000 }, (name) => {
  const present = isPresent(name);
  const want = byTokenizer[name];

  it.skipIf(!present)('encodes and decodes sentences', () => {
    const tokenizer = tokenizerOf(name);
    expect(expected.sentences.map((sentence) => tokenizer.encode(sentence))).toEqual(want.ids);
    // The library drops a byte order mark at the start of a text when it decodes byte tokens.
    const plain = (text: string) => text.replace(/^\ufeff/, '');
    expect(want.ids.map((ids) => plain(tokenizer.decode(ids)))).toEqual(want.decoded.map(plain));
  });

  for (const [file, hash] of Object.entries(want.corpus)) {
    it.skipIf(!present || !isShared(`datasets/${file}`))(`encodes all of ${file}`, async () => {
      const tokenizer = tokenizerOf(name);
      const { examples } = await openDataset(file, readShared(`datasets/${file}`));
      const sum = createHash('sha256');
      for (const text of examples.flatMap(textsOf)) sum.update(`${tokenizer.encode(text).join(',')}\n`);
      expect(sum.digest('hex')).toBe(hash);
    });
  }

  if (want.chats === undefined) return;

  it.skipIf(!present)('renders and encodes conversations', () => {
    const tokenizer = tokenizerOf(name);
    const whole = chats.map((messages) => {
      return encodeExample(tokenizer, { kind: 'chat', line: 1, messages }, { sequenceLength: 1000, lossOn: 'all' });
    });
    expect(whole.map((one) => ('ids' in one ? one.ids : one.dropped))).toEqual(want.chats);
    const prompts = chats.map((messages) => encodePrompt(tokenizer, { messages: messages.slice(0, -1) }));
    expect(prompts).toEqual(want.prompts);
  });
});
