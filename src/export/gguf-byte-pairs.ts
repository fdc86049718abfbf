/** Byte-level BPE: GPT-2's and its descendants. llama.cpp knows the expression that splits a text into words by a name. */

import { text, type GgufPairs } from '../formats/gguf';
import { TOKEN_TYPE, type Merge, type Rules, type TokenizerJson } from './gguf-rules';

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const WORDS = '[^\\r\\n\\p{L}\\p{N}]?\\p{L}+';
const OTHERS = ' ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';

/** Splits of texts, the steps of `pre_tokenizer`, by llama.cpp's names. `ignoreMerges`: a word that is a token is not merged. */
const SPLITS: readonly { readonly name: string; readonly steps: readonly string[]; readonly ignoreMerges: boolean }[] = [
  { name: 'gpt-2', steps: ['words'], ignoreMerges: false },
  { name: 'smollm', steps: ['digits', 'words'], ignoreMerges: false },
  { name: 'llama-bpe', steps: [`${CONTRACTIONS}|${WORDS}|\\p{N}{1,3}|${OTHERS}`], ignoreMerges: true },
  { name: 'smaug-bpe', steps: [`${CONTRACTIONS}|${WORDS}|\\p{N}{1,3}|${OTHERS}`], ignoreMerges: false },
  { name: 'qwen2', steps: [`${CONTRACTIONS}|${WORDS}|\\p{N}|${OTHERS}`], ignoreMerges: false },
];

const UNKNOWN = 'llama.cpp has no name for the rules of this tokenizer that is known here';

/** The rules of a byte-level BPE tokenizer. */
export function readBytePairs(json: TokenizerJson, merges: readonly Merge[]): Rules {
  const {
    type = 'BPE',
    ignore_merges: ignoreMerges = false,
    continuing_subword_prefix: inner,
    end_of_word_suffix: end,
  } = json.model;
  if (type !== 'BPE') return `${UNKNOWN}: it is a ${type} tokenizer. Supported are byte-level BPE and SentencePiece’s BPE.`;
  const steps = stepsOf(json.pre_tokenizer);
  const split = SPLITS.find((known) => known.steps.join('\n') === steps?.join('\n') && known.ignoreMerges === ignoreMerges);
  if (split === undefined || (inner ?? '') !== '' || (end ?? '') !== '') return `${UNKNOWN}: it splits texts in another way.`;
  if (!isPlain(json.normalizer)) return `${UNKNOWN}: it changes texts before it splits them.`;
  const pairs: GgufPairs = [
    ['tokenizer.ggml.model', text('gpt2')],
    ['tokenizer.ggml.pre', text(split.name)],
    ['tokenizer.ggml.merges', { type: 'strings', value: merges.map(([left, right]) => `${left} ${right}`) }],
  ];
  return { pairs, typeOf: () => TOKEN_TYPE.normal };
}

/** llama.cpp does not normalise texts; Qwen's NFC changes few of them. */
function isPlain(normalizer: unknown): boolean {
  return normalizer == null || (normalizer as { type?: unknown }).type === 'NFC';
}

interface Step {
  readonly type?: unknown;
  readonly pretokenizers?: readonly unknown[];
  readonly pattern?: { readonly Regex?: string };
  readonly behavior?: unknown;
  readonly invert?: boolean;
  readonly individual_digits?: boolean;
  readonly add_prefix_space?: boolean;
  readonly use_regex?: boolean;
}

/** The steps of the split: an expression, `digits` (one by one) or `words` (GPT-2's expression). Null when one is none of these. */
function stepsOf(step: unknown): readonly string[] | null {
  if (step == null) return null;
  const { type, pretokenizers = [], pattern, behavior, invert, individual_digits: single, ...byteLevel } = step as Step;
  if (type === 'Sequence') {
    const all = pretokenizers.map(stepsOf);
    return all.includes(null) ? null : all.flatMap((steps) => steps ?? []);
  }
  if (type === 'Digits') return single === true ? ['digits'] : null;
  if (type === 'Split')
    return pattern?.Regex !== undefined && behavior === 'Isolated' && invert !== true ? [pattern.Regex] : null;
  if (type !== 'ByteLevel' || byteLevel.add_prefix_space === true) return null;
  return byteLevel.use_regex === false ? [] : ['words'];
}
