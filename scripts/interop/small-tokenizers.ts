/** Small tokenizers of each kind that GGUF files can have. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../serve';

const END = '<|end|>';

/** The files of a byte-level tokenizer of 96 tokens, the printable characters. */
export function tinyTokenizer(): readonly File[] {
  const characters = Array.from({ length: 93 }, (_, i) => String.fromCharCode(33 + i));
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, use_regex: true };
  const tokenizer = {
    added_tokens: [{ id: 0, content: END, special: true }],
    ...{ normalizer: null, pre_tokenizer: byteLevel, post_processor: null, decoder: byteLevel },
    model: { type: 'BPE', vocab: Object.fromEntries([END, ...characters].map((token, id) => [token, id])), merges: [] },
  };
  return [jsonFile('tokenizer.json', tokenizer), jsonFile('tokenizer_config.json', { eos_token: END })];
}

const jsonFile = (name: string, content: object) => new File([JSON.stringify(content)], name);

interface Bpe {
  readonly model: { readonly vocab: Readonly<Record<string, number>>; readonly merges: readonly (readonly [string, string])[] };
}

/** A tokenizer.json with a merge for each way to join two tokens to a third, in the order of the third: as those of SentencePiece have. */
export function withAllMerges<T extends Bpe>(tokenizer: T): T {
  const { vocab, merges } = tokenizer.model;
  const all = [...new Set(merges.map((merge) => merge.join('')))].flatMap((token) =>
    Array.from({ length: token.length - 1 }, (_, at) => [token.slice(0, at + 1), token.slice(at + 1)] as const).filter(
      ([left, right]) => Object.hasOwn(vocab, left) && Object.hasOwn(vocab, right),
    ),
  );
  return { ...tokenizer, model: { ...tokenizer.model, merges: all } };
}

/** One tokenizer a kind: GPT-2's and Qwen's splits, and SentencePiece's. */
export function smallTokenizers(): readonly { readonly name: string; readonly files: readonly File[] }[] {
  return ['gpt2-like', 'qwen-like', 'llama2-like'].map((name) => {
    const read = (file: string) =>
      JSON.parse(readFileSync(join(root, 'tests', 'unit', 'fixtures', 'tokenizers', name, file), 'utf8')) as object;
    const tokenizer = read('tokenizer.json') as Bpe;
    const whole = name === 'llama2-like' ? withAllMerges(tokenizer) : tokenizer;
    return { name, files: [jsonFile('tokenizer.json', whole), jsonFile('tokenizer_config.json', read('tokenizer_config.json'))] };
  });
}
