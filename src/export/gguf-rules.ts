/** What the kinds of tokenizers that GGUF files can state have in common. */

import type { GgufPairs } from '../formats/gguf';

/** The parts of tokenizer.json that name the rules. */
export interface TokenizerJson {
  readonly normalizer?: unknown;
  readonly pre_tokenizer?: unknown;
  readonly model: {
    readonly type?: string;
    readonly vocab: Readonly<Record<string, number>>;
    readonly merges?: readonly (string | readonly [string, string])[];
    readonly unk_token?: string | null;
    readonly byte_fallback?: boolean;
    readonly ignore_merges?: boolean;
    readonly continuing_subword_prefix?: string | null;
    readonly end_of_word_suffix?: string | null;
  };
  readonly added_tokens?: readonly { readonly id: number; readonly content: string; readonly special?: boolean }[];
}

/** llama.cpp's types of tokens. */
export const TOKEN_TYPE = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

/** The two sides of a merge. */
export type Merge = readonly [left: string, right: string];

/** The rules of a kind of tokenizer, or a sentence that says what is not supported. */
export type Rules =
  | {
      readonly pairs: GgufPairs;
      /** By id; absent where tokens have none. */
      readonly scores?: readonly number[];
      readonly typeOf: (token: string) => number;
    }
  | string;
