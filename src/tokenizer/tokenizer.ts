/** A model's tokenizer: encodes and decodes, and knows its special tokens, chat template and stop tokens. */

import { Tokenizer } from '@huggingface/tokenizers';
import { CodedError, messageOf } from '../core/errors';
import { parseTokenizerFiles, type ParsedFiles } from './files';
import { assemble, countSpecial, sharedRoom, type InputTokens } from './input';
import { affixesOf, withBosEos, type InputTemplate } from './post-processor';
import { ChatTemplate } from './template';
import type { TokenizerFiles } from './types';

/** End tokens to look for when the model's files name none. */
const COMMON_EOS = ['<|endoftext|>', '</s>', '<|end_of_text|>', '<eos>', '<|im_end|>'];

/** Texts before a span are mostly the same few (`<|im_start|>assistant\n`), so the ids of short ones are cached. */
const MAX_HEAD = 64;
const MAX_HEADS = 1000;

type Ids = readonly number[] | Int32Array;

export class TextTokenizer {
  readonly chat: ChatTemplate;
  /** Ids added before and after a plain text; usually none or one. */
  readonly prefix: readonly number[];
  readonly suffix: readonly number[];
  /** Ends a text or an answer; null when the model has no such token. */
  readonly eosId: number | null;
  readonly padId: number | null;
  /** Ids that end generation: the end token, those of generation_config.json, and the chat template's end of turn. */
  readonly stopIds: readonly number[];
  /** The stop tokens as text, as a rendered conversation has them. */
  readonly stopTexts: readonly string[];
  /** One more than the largest id. */
  readonly size: number;
  readonly #tokenizer: Tokenizer;
  readonly #template: InputTemplate;
  /** Added tokens before which any text may be split without changing its tokens. */
  readonly #cuts: readonly string[];
  readonly #heads = new Map<string, readonly number[]>();

  /** Throws model/tokenizer with everything wrong in the files. */
  constructor(files: TokenizerFiles) {
    const parsed = parseTokenizerFiles(files);
    this.#tokenizer = createTokenizer(parsed);
    const added = [...this.#tokenizer.get_added_tokens_decoder().values()];
    const raw = parsed.tokenizer.normalizer === null;
    this.#cuts = added.filter((one) => !one.lstrip && (raw || !one.normalized) && one.content !== '').map((one) => one.content);
    this.size = 1 + [...this.#tokenizer.get_vocab(true).values()].reduce((most, id) => Math.max(most, id), -1);
    this.#template = this.#findTemplate(parsed);
    [this.prefix, this.suffix] = affixesOf(this.#template);
    this.eosId = this.#findEos(parsed);
    this.padId = this.#idOf(parsed.specials.pad_token) ?? parsed.padId;
    this.chat = new ChatTemplate(parsed.chatTemplate, this.#templateTokens(parsed), this.prefix.length > 0);
    this.stopIds = this.#findStops(parsed.eosIds);
    this.stopTexts = this.stopIds.map((id) => this.tokenOf(id) ?? '').filter((text) => text !== '');
  }

  /** Ids of `text`, without added special tokens. */
  encode(text: string): number[] {
    return text === '' ? [] : this.#tokenizer.encode(text, { add_special_tokens: false }).ids;
  }

  /** A text or a pair of texts with the special tokens around them; see `frame`. */
  encodeInput(text: string, second: string | null = null, length = Infinity): InputTokens | null {
    return this.frame(this.encode(text), second === null ? null : this.encode(second), length);
  }

  /**
   * The ids of a text or a pair of texts with the special tokens around them, at most `length` tokens: texts are cut at the end, the
   * longer one first, and special tokens are kept. Null when `length` has no room for the special tokens and a token of the texts.
   */
  frame(a: Ids, b: Ids | null, length: number): InputTokens | null {
    const pieces = b === null ? this.#template.single : this.#template.pair;
    const [sizeA, sizeB] = [a.length, b?.length ?? 0];
    const room = length - countSpecial(pieces);
    if (room < Math.min(1, sizeA + sizeB)) return null;
    const [keptA, keptB] = sharedRoom(sizeA, sizeB, room);
    const tokens = assemble(pieces, { A: a.slice(0, keptA), B: b?.slice(0, keptB) ?? [] });
    return { ...tokens, truncated: sizeA + sizeB - keptA - keptB };
  }

  /**
   * Ids of `text` after `left`, whose ids are fixed because a model reads `left` as a prompt and then generates `text`. They are what
   * encoding both together adds to the ids of `left`, if these do not change.
   */
  encodeAfter(left: string, text: string): readonly number[] {
    if (left === '' || text === '') return this.encode(text);
    const head = left.slice(this.#lastCut(left));
    const headIds = this.#encodeHead(head);
    const both = this.encode(head + text);
    if (startsWith(both, headIds)) return both.slice(headIds.length);
    return this.#encodeDetached(text);
  }

  /** The text of `ids`; incomplete characters become U+FFFD, unknown ids are skipped. */
  decode(ids: readonly number[], options: { readonly skipSpecial: boolean } = { skipSpecial: true }): string {
    const known = ids.filter((id) => this.tokenOf(id) !== undefined);
    if (known.length === 0) return '';
    return this.#tokenizer.decode(known, { skip_special_tokens: options.skipSpecial, clean_up_tokenization_spaces: false });
  }

  /** The token in the vocabulary; undefined for ids of the embedding matrix that the tokenizer does not use. */
  tokenOf(id: number): string | undefined {
    return this.#tokenizer.id_to_token(id);
  }

  /** Index of the last added token in `text`; 0 when there is none. */
  #lastCut(text: string): number {
    return this.#cuts.reduce((last, token) => Math.max(last, text.lastIndexOf(token)), 0);
  }

  #encodeHead(head: string): readonly number[] {
    const known = this.#heads.get(head);
    if (known !== undefined) return known;
    const ids = this.encode(head);
    if (head.length <= MAX_HEAD && this.#heads.size < MAX_HEADS) this.#heads.set(head, ids);
    return ids;
  }

  /** Encodes `text` after a line break, to omit the space that some tokenizers add before a text; alone if the two merge. */
  #encodeDetached(text: string): readonly number[] {
    const anchor = this.#encodeHead('\n');
    const both = this.encode(`\n${text}`);
    return startsWith(both, anchor) ? both.slice(anchor.length) : this.encode(text);
  }

  /** The special tokens that tokenizer.json adds around texts, unless tokenizer_config.json overrides them. */
  #findTemplate({ template, specials, addBos, addEos }: ParsedFiles): InputTemplate {
    const [before, after] = affixesOf(template);
    const overridden = (flag: boolean | null, name: 'bos_token' | 'eos_token', found: readonly number[]) => {
      const id = this.#idOf(specials[name]);
      if (flag === null) return found;
      return flag && id !== null ? [id] : [];
    };
    return withBosEos(template, overridden(addBos, 'bos_token', before), overridden(addEos, 'eos_token', after));
  }

  #findEos(parsed: ParsedFiles): number | null {
    const named = this.#idOf(parsed.specials.eos_token) ?? parsed.eosIds[0];
    return named ?? COMMON_EOS.map((token) => this.#idOf(token)).find((id) => id !== null) ?? null;
  }

  #idOf(token: string | undefined): number | null {
    return token === undefined ? null : (this.#tokenizer.token_to_id(token) ?? null);
  }

  /** Special tokens for templates. A template may use tokens that the config does not name; the end token is always set. */
  #templateTokens(parsed: ParsedFiles): Record<string, string> {
    const [bos] = this.prefix;
    const found = {
      bos_token: bos === undefined ? undefined : this.tokenOf(bos),
      eos_token: this.eosId === null ? undefined : this.tokenOf(this.eosId),
    };
    const entries = Object.entries({ ...found, ...parsed.specials });
    return Object.fromEntries(entries.flatMap(([name, text]) => (text === undefined ? [] : [[name, text]])));
  }

  #findStops(eosIds: readonly number[]): readonly number[] {
    const all = [this.eosId, this.#endOfTurn(), ...eosIds];
    return [...new Set(all.filter((id) => id !== null))];
  }

  /** The first special token that the template renders after an answer. */
  #endOfTurn(): number | null {
    const answer = 'probe-of-the-answer';
    const messages = [
      { role: 'user', content: 'question' },
      { role: 'assistant', content: answer },
    ] as const;
    const text = this.chat.tryRender(messages, false) ?? '';
    const at = text.lastIndexOf(answer);
    if (at < 0) return null;
    const added = this.#tokenizer.get_added_tokens_decoder();
    return this.encode(text.slice(at + answer.length)).find((id) => added.get(id)?.special === true) ?? null;
  }
}

function createTokenizer(parsed: ParsedFiles): Tokenizer {
  try {
    const config = { ...parsed.config, additional_special_tokens: [] };
    const tokenizer = new Tokenizer(parsed.tokenizer, config);
    // The library reports models and pre-tokenizers that it lacks only when they are used.
    tokenizer.encode('a');
    return tokenizer;
  } catch (error) {
    const message = `This kind of tokenizer is not supported (${messageOf(error)}). Supported are byte-pair, Unigram and WordPiece tokenizers.`;
    throw new CodedError('model/tokenizer', message, [], { cause: error });
  }
}

function startsWith(ids: readonly number[], head: readonly number[]): boolean {
  return head.length <= ids.length && head.every((id, i) => id === ids[i]);
}
