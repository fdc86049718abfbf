/**
 * SentencePiece's BPE: the tokenizers of Llama 2, Mistral 7B, Gemma and Phi-3. llama.cpp joins the two neighbours whose joined token has
 * the highest score; tokenizer.json has a list of merges instead of scores, which are only in tokenizer.model.
 *
 * The list was made from the scores: every way to join two tokens to a third, sorted by the score of the third. llama.cpp only compares
 * scores, so the rank of a token in the list serves as well, if the list is such a list. This is checked: all ways to join are in it, and
 * those that give the same token stand side by side.
 */

import { bool, text, type GgufPairs } from '../formats/gguf';
import { TOKEN_TYPE, type Merge, type Rules, type TokenizerJson } from './gguf-rules';

const BYTE = /^<0x[0-9A-F]{2}>$/;
const SPACE = '▁';

/** The rules of a SentencePiece tokenizer. */
export function readSentencePieces(json: TokenizerJson, merges: readonly Merge[]): Rules {
  const { type = 'BPE', vocab } = json.model;
  const prefixed = spacePrefix(json);
  if (type !== 'BPE' || prefixed === null)
    return 'The tokenizer changes or splits texts in a way that llama.cpp does not know for SentencePiece tokenizers.';
  const bytes = Object.keys(vocab).filter((token) => BYTE.test(token)).length;
  if (bytes !== 256) return `The tokenizer has tokens for ${bytes} of the 256 bytes, which llama.cpp needs all.`;
  const scores = scoresOf(json, merges);
  if (typeof scores === 'string') return scores;
  const pairs: GgufPairs = [
    ['tokenizer.ggml.model', text('llama')],
    ['tokenizer.ggml.pre', text('default')],
    ['tokenizer.ggml.add_space_prefix', bool(prefixed)],
  ];
  return { pairs, scores, typeOf: (token) => (BYTE.test(token) ? TOKEN_TYPE.byte : TOKEN_TYPE.normal) };
}

interface Step {
  readonly type?: unknown;
  readonly normalizers?: readonly unknown[];
  readonly prepend?: unknown;
  readonly pattern?: { readonly String?: unknown };
  readonly content?: unknown;
  readonly replacement?: unknown;
  readonly prepend_scheme?: unknown;
  readonly split?: unknown;
}

const keyOf = ({ type, prepend, pattern, content, replacement, prepend_scheme: scheme, split }: Step): string =>
  JSON.stringify([type, prepend, pattern?.String, content, replacement, scheme, split]);

const REPLACE = keyOf({ type: 'Replace', pattern: { String: ' ' }, content: SPACE });
const PREPEND = keyOf({ type: 'Prepend', prepend: SPACE });
const METASPACE = keyOf({ type: 'Metaspace', replacement: SPACE, prepend_scheme: 'never', split: false });
const SPLIT = keyOf({ type: 'Split', pattern: { String: ' ' } });

/**
 * Whether a space is put before a text, by the steps of the normalizer and the pre-tokenizer. llama.cpp puts one after each special token
 * too, as the step `Prepend` does; `Metaspace` does not where a text begins with a space.
 */
const PREFIXES: Readonly<Record<string, boolean>> = {
  [`${PREPEND},${REPLACE}`]: true,
  [REPLACE]: false,
  // There are no spaces left to split at.
  [`${REPLACE},${SPLIT}`]: false,
  [METASPACE]: false,
};

/** Null when texts are changed or split in another way. */
function spacePrefix({ normalizer, pre_tokenizer: split }: TokenizerJson): boolean | null {
  const steps = [normalizer, split].flatMap((step) => {
    const { normalizers } = (step ?? {}) as Step;
    return step == null ? [] : ((normalizers ?? [step]) as readonly Step[]);
  });
  return PREFIXES[steps.map(keyOf).join(',')] ?? null;
}

const NO_SCORES =
  'The scores of this tokenizer’s tokens are only in tokenizer.model, which is not among the model’s files, and tokenizer.json does not determine them';

/** Minus the rank of each token among the merges, by id; or why the ranks cannot take the place of the scores. */
function scoresOf(json: TokenizerJson, merges: readonly Merge[]): readonly number[] | string {
  const { vocab } = json.model;
  const ranks = new Map<string, number>();
  const pairs = new Set<string>();
  let last = '';
  for (const [left, right] of merges) {
    const token = left + right;
    if (token !== last && ranks.has(token)) return `${NO_SCORES}: the merges to ${JSON.stringify(token)} are not side by side.`;
    if (token !== last) ranks.set(token, ranks.size);
    pairs.add(`${left} ${right}`);
    last = token;
  }
  const unlisted = unlistedMerge(json, pairs);
  if (unlisted !== null) return `${NO_SCORES}: it has no merge to ${JSON.stringify(unlisted)} that llama.cpp would make.`;
  const scores: number[] = [];
  for (const [token, id] of Object.entries(vocab)) scores[id] = -(ranks.get(token) ?? ranks.size);
  for (const { id } of json.added_tokens ?? []) scores[id] = 0;
  return Array.from(scores, (score: number | undefined) => score ?? 0);
}

/** A token that two tokens join to without a merge in the list; null when there is none. Added tokens are not made by joining. */
function unlistedMerge({ model: { vocab }, added_tokens: added = [] }: TokenizerJson, pairs: ReadonlySet<string>): string | null {
  const tokens = new Set(Object.keys(vocab));
  for (const { content } of added) tokens.delete(content);
  for (const token of [...tokens]) if (BYTE.test(token)) tokens.delete(token);
  for (const token of tokens) {
    for (let at = 1; at < token.length; at++) {
      const [left, right] = [token.slice(0, at), token.slice(at)];
      if (tokens.has(left) && tokens.has(right) && !pairs.has(`${left} ${right}`)) return token;
    }
  }
  return null;
}
