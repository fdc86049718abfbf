/**
 * Tokenizers for tests: the starter's, a small one of each kind (made by fixtures/make_fixtures.py), and published ones if they are
 * present in `../shared`.
 */

import { existsSync, readFileSync } from 'node:fs';
import type { TestContext } from 'vitest';
import { TextTokenizer } from '../../src/tokenizer/tokenizer';
import type { TokenizerFiles } from '../../src/tokenizer/types';
import { needShared, sharedText, sharedUrl } from '../shared';

const NONE: Omit<TokenizerFiles, 'tokenizerJson'> = { tokenizerConfig: null, chatTemplate: null, generationConfig: null };

function starterFiles(): TokenizerFiles {
  const read = (name: string) => readFileSync(new URL(`../../public/models/starter/${name}`, import.meta.url), 'utf8');
  return {
    ...NONE,
    tokenizerJson: read('tokenizer.json'),
    tokenizerConfig: read('tokenizer_config.json'),
    generationConfig: read('generation_config.json'),
  };
}

/** Files of a model that is served with the page, without a generation_config.json. */
function served(name: string): Source {
  const read = (file: string) => readFileSync(new URL(`../../public/models/${name}/${file}`, import.meta.url), 'utf8');
  return {
    shared: [],
    load: () => ({ ...NONE, tokenizerJson: read('tokenizer.json'), tokenizerConfig: read('tokenizer_config.json') }),
  };
}

function fixture(name: string): Source {
  const read = (file: string) => readFileSync(new URL(`fixtures/tokenizers/${name}/${file}`, import.meta.url), 'utf8');
  return {
    shared: [],
    load: () => ({ ...NONE, tokenizerJson: read('tokenizer.json'), tokenizerConfig: read('tokenizer_config.json') }),
  };
}

function shared(tokenizer: string, config: string): Source {
  return {
    shared: [tokenizer, config],
    load: () => ({ ...NONE, tokenizerJson: sharedText(tokenizer), tokenizerConfig: sharedText(config) }),
  };
}

const GPT2 = { vocab: 'data/tokenizers/gpt2_vocab.json', merges: 'data/tokenizers/gpt2_merges.txt' };

/** GPT-2's tokenizer.json, built from its vocabulary and merges as the Python library saves it. */
function gpt2Files(): TokenizerFiles {
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  const merges = sharedText(GPT2.merges)
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#version'));
  const vocab = JSON.parse(sharedText(GPT2.vocab)) as unknown;
  const tokenizerJson = JSON.stringify({
    added_tokens: [
      { id: 50256, content: '<|endoftext|>', special: true, normalized: true, single_word: false, lstrip: false, rstrip: false },
    ],
    pre_tokenizer: byteLevel,
    decoder: byteLevel,
    model: { type: 'BPE', vocab, merges },
  });
  const config = { bos_token: '<|endoftext|>', eos_token: '<|endoftext|>' };
  return { ...NONE, tokenizerJson, tokenizerConfig: JSON.stringify(config) };
}

interface Source {
  /** Files in `../shared` that it is loaded from. */
  readonly shared: readonly string[];
  readonly load: () => TokenizerFiles;
}

const SOURCES = {
  starter: { shared: [], load: starterFiles },
  'starter-encoder': served('starter-encoder'),
  'gpt2-like': fixture('gpt2-like'),
  'qwen-like': fixture('qwen-like'),
  'llama2-like': fixture('llama2-like'),
  'roberta-like': fixture('roberta-like'),
  unigram: fixture('unigram'),
  wordpiece: fixture('wordpiece'),
  stories260K: shared('data/stories260K/tokenizer.json', 'data/stories260K/tokenizer_config.json'),
  'qwen2.5': shared('data/tokenizers/qwen2.5_tokenizer.json', 'data/tokenizers/qwen2.5_tokenizer_config.json'),
  gpt2: { shared: Object.values(GPT2), load: gpt2Files },
} satisfies Record<string, Source>;

export type TokenizerName = keyof typeof SOURCES;
export const TOKENIZER_NAMES = Object.keys(SOURCES) as TokenizerName[];

/** Tokenizers that decode to the same text. The others have no tokens for unknown characters, or change case and spaces. */
export const LOSSLESS_NAMES = TOKENIZER_NAMES.filter((name) => !['unigram', 'wordpiece', 'starter-encoder'].includes(name));

/** Whether all files that it is loaded from are present. */
export const isPresent = (name: TokenizerName): boolean => SOURCES[name].shared.every((path) => existsSync(sharedUrl(path)));

export const filesOf = (name: TokenizerName): TokenizerFiles => SOURCES[name].load();

const loaded = new Map<TokenizerName, TextTokenizer>();

/** The tokenizer, built once for each test file. */
export function tokenizerOf(name: TokenizerName): TextTokenizer {
  const tokenizer = loaded.get(name) ?? new TextTokenizer(filesOf(name));
  loaded.set(name, tokenizer);
  return tokenizer;
}

/** The tokenizer; a test whose tokenizer is not present is skipped by name. */
export function needTokenizer(context: TestContext, name: TokenizerName): TextTokenizer {
  needShared(context, ...SOURCES[name].shared);
  return tokenizerOf(name);
}

/** The starter's tokenizer with another template or config. */
export function starterWith(config: object, chatTemplate: string | null = null): TextTokenizer {
  const files = starterFiles();
  const merged = { ...(JSON.parse(files.tokenizerConfig ?? '{}') as object), ...config };
  return new TextTokenizer({ ...files, tokenizerConfig: JSON.stringify(merged), chatTemplate });
}
