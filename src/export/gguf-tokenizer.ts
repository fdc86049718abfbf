/**
 * The tokenizer of a model in GGUF files. llama.cpp has the rules of each tokenizer in its own code: a file states their name, tokens and
 * merges, so only tokenizers whose rules are known by name can be written.
 */

import { bool, text, u32, type GgufPairs, type GgufValue } from '../formats/gguf';
import type { ModelFolder } from '../model/folder';
import { TextTokenizer } from '../tokenizer/tokenizer';
import type { TokenizerFiles } from '../tokenizer/types';
import { readBytePairs } from './gguf-byte-pairs';
import { TOKEN_TYPE, type Merge, type TokenizerJson } from './gguf-rules';
import { readSentencePieces } from './gguf-sentence-pieces';

/** The pairs of the tokenizer, or a sentence that says why it can't be written. */
export type GgufTokenizer = { readonly pairs: GgufPairs; readonly tokenizer: TextTokenizer } | string;

const found = new WeakMap<ModelFolder, GgufTokenizer>();

/** The tokenizer of a base model; it is read once. */
export function tokenizerOf(base: ModelFolder): GgufTokenizer {
  const known = found.get(base) ?? readTokenizer(base.view.tokenizer, base.config.vocabSize);
  found.set(base, known);
  return known;
}

/** `size`: rows of the embedding, which may be more than the tokens. */
export function readTokenizer(files: TokenizerFiles, size: number): GgufTokenizer {
  const json = JSON.parse(files.tokenizerJson) as TokenizerJson;
  const merges = mergesOf(json);
  const rules = json.model.byte_fallback === true ? readSentencePieces(json, merges) : readBytePairs(json, merges);
  if (typeof rules === 'string') return rules;
  const named = namedTokens(json, files);
  const tokens = tokensOf(json, rules.typeOf, named);
  const largest = [...tokens.keys()].reduce((most, id) => Math.max(most, id), 0);
  if (largest >= size) return `The tokenizer has the token ${largest}, but the model’s embedding has only ${size} rows.`;
  const tokenizer = new TextTokenizer(files);
  const specials = specialPairs(tokens, named, tokenizer);
  if (typeof specials === 'string') return specials;
  const all = Array.from({ length: size }, (_, id) => tokens.get(id) ?? { token: `[PAD${id}]`, type: TOKEN_TYPE.unused });
  const lists: readonly (readonly [string, GgufValue])[] = [
    ['tokenizer.ggml.tokens', { type: 'strings', value: all.map(({ token }) => token) }],
    ['tokenizer.ggml.token_type', { type: 'i32s', value: all.map(({ type }) => type) }],
  ];
  const scores = rules.scores === undefined ? [] : [scorePair(rules.scores, size)];
  const template = ['tokenizer.chat_template', text(tokenizer.chat.source)] as const;
  return { tokenizer, pairs: [...rules.pairs, ...lists, ...scores, ...specials, template] };
}

function scorePair(scores: readonly number[], size: number): readonly [string, GgufValue] {
  return ['tokenizer.ggml.scores', { type: 'f32s', value: Array.from({ length: size }, (_, id) => scores[id] ?? 0) }];
}

function mergesOf({ model: { merges = [] } }: TokenizerJson): readonly Merge[] {
  return merges.map((merge) => {
    if (typeof merge !== 'string') return merge;
    const space = merge.indexOf(' ', 1);
    return [merge.slice(0, space), merge.slice(space + 1)];
  });
}

/** Special tokens that tokenizer_config.json or the model of tokenizer.json names; null for one that they do not name. */
interface Named {
  readonly bos: string | null;
  readonly unknown: string | null;
}

type Token = string | { readonly content: string } | null;

function namedTokens({ model }: TokenizerJson, { tokenizerConfig }: TokenizerFiles): Named {
  const { bos_token: bos = null, unk_token: unknown = null } = JSON.parse(tokenizerConfig ?? '{}') as {
    readonly bos_token?: Token;
    readonly unk_token?: Token;
  };
  const contentOf = (token: Token) => (typeof token === 'string' || token === null ? token : token.content);
  return { bos: contentOf(bos), unknown: model.unk_token ?? contentOf(unknown) };
}

type Tokens = ReadonlyMap<number, { readonly token: string; readonly type: number }>;

function tokensOf(json: TokenizerJson, typeOf: (token: string) => number, { unknown }: Named): Tokens {
  const tokens = new Map(Object.entries(json.model.vocab).map(([token, id]) => [id, { token, type: typeOf(token) }]));
  for (const { id, content, special } of json.added_tokens ?? []) {
    // In byte-level vocabularies it is an end of text, too.
    const isUnknown = content === unknown && json.model.byte_fallback === true;
    const type = isUnknown ? TOKEN_TYPE.unknown : special === true ? TOKEN_TYPE.control : TOKEN_TYPE.userDefined;
    tokens.set(id, { token: content, type });
  }
  return tokens;
}

/** The ids of special tokens, and whether texts end with one. */
function specialPairs(tokens: Tokens, named: Named, tokenizer: TextTokenizer): GgufPairs | string {
  const { prefix, suffix, eosId, padId, stopIds } = tokenizer;
  if (prefix.length > 1 || suffix.length > 1 || (suffix[0] ?? eosId) !== eosId)
    return 'The tokenizer adds special tokens around a text that llama.cpp cannot add.';
  const idOf = (wanted: string | null) => [...tokens].find(([, { token }]) => token === wanted)?.[0] ?? null;
  // The end of a turn, where it is not the end of a text.
  const eot = stopIds.find((id) => id !== eosId) ?? null;
  const ids = { bos: prefix[0] ?? idOf(named.bos), eos: eosId, eot, unknown: idOf(named.unknown), padding: padId };
  return [
    ...Object.entries(ids).flatMap(([name, id]) => (id === null ? [] : [[`tokenizer.ggml.${name}_token_id`, u32(id)] as const])),
    ['tokenizer.ggml.add_eos_token', bool(suffix.length > 0)],
  ];
}
