/** A model's tokenizer: text to ids and back, its special tokens, its chat template, and what ends a turn. */

import { Tokenizer } from '@huggingface/tokenizers';
import { CodedError, messageOf } from '../core/errors';
import { parseTokenizerFiles, type ParsedFiles } from './files';
import { ChatTemplate } from './template';
import type { TokenizerFiles } from './types';

/** Names of end tokens, for models whose files don't say which one is theirs. */
const COMMON_EOS = ['<|endoftext|>', '</s>', '<|end_of_text|>', '<eos>', '<|im_end|>'];

/** Opening pieces are few in a data set (`<|im_start|>assistant\n`); only short ones are remembered. */
const MAX_HEAD = 64;
const MAX_HEADS = 1000;

export class TextTokenizer {
  readonly chat: ChatTemplate;
  /** Ids put before and after a plain text; mostly empty or one. */
  readonly prefix: readonly number[];
  readonly suffix: readonly number[];
  /** Ends a text or an answer; null when the model has no such token. */
  readonly eosId: number | null;
  readonly padId: number | null;
  /** Ids that end generation: the end token, those of generation_config.json, and the chat template's end of turn. */
  readonly stopIds: readonly number[];
  /** The stop tokens as text, as they stand in a rendered conversation. */
  readonly stopTexts: readonly string[];
  /** One more than the largest id. */
  readonly size: number;
  readonly #tokenizer: Tokenizer;
  /** Added tokens at which any text may be cut without changing its tokens. */
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
    [this.prefix, this.suffix] = this.#surroundings(parsed);
    this.eosId = this.#findEos(parsed);
    this.padId = this.#idOf(parsed.specials.pad_token) ?? parsed.padId;
    this.chat = new ChatTemplate(parsed.chatTemplate, this.#templateTokens(parsed), this.prefix.length > 0);
    this.stopIds = this.#findStops(parsed.eosIds);
    this.stopTexts = this.stopIds.map((id) => this.tokenOf(id) ?? '').filter((text) => text !== '');
  }

  /** Ids of `text` alone, nothing put round it. */
  encode(text: string): number[] {
    return text === '' ? [] : this.#tokenizer.encode(text, { add_special_tokens: false }).ids;
  }

  /**
   * Ids of `text` as it follows `left`, whose own ids are fixed (because a model reads `left` as a prompt and then writes `text`).
   * That is what encoding both together adds to encoding `left`, wherever the two agree on `left`.
   */
  encodeAfter(left: string, text: string): readonly number[] {
    if (left === '' || text === '') return this.encode(text);
    const head = left.slice(this.#lastCut(left));
    const headIds = this.#encodeHead(head);
    const both = this.encode(head + text);
    if (startsWith(both, headIds)) return both.slice(headIds.length);
    return this.#encodeDetached(text);
  }

  /** The text of `ids`; bytes that are no whole character become U+FFFD. */
  decode(ids: readonly number[], options: { readonly skipSpecial: boolean } = { skipSpecial: true }): string {
    const known = ids.filter((id) => this.tokenOf(id) !== undefined);
    if (known.length === 0) return '';
    return this.#tokenizer.decode(known, { skip_special_tokens: options.skipSpecial, clean_up_tokenization_spaces: false });
  }

  /** The token as it stands in the vocabulary; undefined for ids that the model has room for but the tokenizer does not use. */
  tokenOf(id: number): string | undefined {
    return this.#tokenizer.id_to_token(id);
  }

  /** Start of the last added token in `text`; 0 when there is none. */
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

  /** `text` without what some tokenizers put in front of every text: encoded behind a line break, where that does not merge with it. */
  #encodeDetached(text: string): readonly number[] {
    const anchor = this.#encodeHead('\n');
    const both = this.encode(`\n${text}`);
    return startsWith(both, anchor) ? both.slice(anchor.length) : this.encode(text);
  }

  /** What tokenizer.json puts round a text, unless tokenizer_config.json says otherwise. */
  #surroundings(parsed: ParsedFiles): [readonly number[], readonly number[]] {
    const bare = this.encode('a');
    const dressed = this.#tokenizer.encode('a', { add_special_tokens: true }).ids;
    const at = dressed.findIndex((_, i) => startsWith(dressed.slice(i), bare));
    const [before, after] = at < 0 ? [[], []] : [dressed.slice(0, at), dressed.slice(at + bare.length)];
    const asked = (flag: boolean | null, name: 'bos_token' | 'eos_token', found: number[]) => {
      const id = this.#idOf(parsed.specials[name]);
      if (flag === null) return found;
      return flag && id !== null ? [id] : [];
    };
    return [asked(parsed.addBos, 'bos_token', before), asked(parsed.addEos, 'eos_token', after)];
  }

  #findEos(parsed: ParsedFiles): number | null {
    const named = this.#idOf(parsed.specials.eos_token) ?? parsed.eosIds[0];
    return named ?? COMMON_EOS.map((token) => this.#idOf(token)).find((id) => id !== null) ?? null;
  }

  #idOf(token: string | undefined): number | null {
    return token === undefined ? null : (this.#tokenizer.token_to_id(token) ?? null);
  }

  /** A template may name tokens that the config leaves out: the end token at least is always known. */
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

  /** The first added token that the template puts behind an answer. */
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
    // Kinds of models and pre-tokenizers that the library lacks only show when they are used.
    tokenizer.encode('a');
    return tokenizer;
  } catch (error) {
    const message = `This tokenizer is of a kind that can't be used (${messageOf(error)}). Byte-pair, Unigram and WordPiece tokenizers can.`;
    throw new CodedError('model/tokenizer', message, [], { cause: error });
  }
}

function startsWith(ids: readonly number[], head: readonly number[]): boolean {
  return head.length <= ids.length && head.every((id, i) => id === ids[i]);
}
