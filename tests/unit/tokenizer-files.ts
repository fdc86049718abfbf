/** Tokenizers for tests: the starter's, real ones where they are present, and small ones made up on the spot. */

import { readFileSync } from 'node:fs';
import { TextTokenizer } from '../../src/tokenizer/tokenizer';
import type { TokenizerFiles } from '../../src/tokenizer/types';
import { isShared, sharedText } from './dataset-shared';

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

/** GPT-2's tokenizer.json, put together from its vocabulary and merges as the Python library saves it. */
function gpt2Files(): TokenizerFiles {
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  const merges = sharedText('tokenizers/gpt2_merges.txt')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#version'));
  const vocab = JSON.parse(sharedText('tokenizers/gpt2_vocab.json')) as unknown;
  const tokenizerJson = JSON.stringify({
    added_tokens: [{ id: 50256, content: '<|endoftext|>', special: true, normalized: true }],
    pre_tokenizer: byteLevel,
    decoder: byteLevel,
    model: { type: 'BPE', vocab, merges },
  });
  const config = { bos_token: '<|endoftext|>', eos_token: '<|endoftext|>' };
  return { ...NONE, tokenizerJson, tokenizerConfig: JSON.stringify(config) };
}

const LOADERS = {
  starter: { needs: [], load: starterFiles },
  stories260K: {
    needs: ['stories260K/tokenizer.json'],
    load: () => ({
      ...NONE,
      tokenizerJson: sharedText('stories260K/tokenizer.json'),
      tokenizerConfig: sharedText('stories260K/tokenizer_config.json'),
    }),
  },
  'qwen2.5': {
    needs: ['tokenizers/qwen2.5_tokenizer.json'],
    load: () => ({
      ...NONE,
      tokenizerJson: sharedText('tokenizers/qwen2.5_tokenizer.json'),
      tokenizerConfig: sharedText('tokenizers/qwen2.5_tokenizer_config.json'),
    }),
  },
  gpt2: { needs: ['tokenizers/gpt2_vocab.json'], load: gpt2Files },
} satisfies Record<string, { needs: readonly string[]; load: () => TokenizerFiles }>;

export type TokenizerName = keyof typeof LOADERS;
export const TOKENIZER_NAMES = Object.keys(LOADERS) as TokenizerName[];

export const filesOf = (name: TokenizerName): TokenizerFiles => LOADERS[name].load();
export const isPresent = (name: TokenizerName): boolean => LOADERS[name].needs.every(isShared);

const loaded = new Map<TokenizerName, TextTokenizer>();

/** The tokenizer, built once a test file. */
export function tokenizerOf(name: TokenizerName): TextTokenizer {
  const tokenizer = loaded.get(name) ?? new TextTokenizer(filesOf(name));
  loaded.set(name, tokenizer);
  return tokenizer;
}

/** The starter's tokenizer with another template or config. */
export function starterWith(config: object, chatTemplate: string | null = null): TextTokenizer {
  const files = starterFiles();
  const merged = { ...(JSON.parse(files.tokenizerConfig ?? '{}') as object), ...config };
  return new TextTokenizer({ ...files, tokenizerConfig: JSON.stringify(merged), chatTemplate });
}
