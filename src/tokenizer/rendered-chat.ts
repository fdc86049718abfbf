/**
 * A conversation as a chat template renders it, and where its answers are. Few templates mark answers with `{% generation %}`, and many
 * render a turn differently when others follow, so answers are found by rendering again with changes.
 */

import type { Message } from '../dataset/types';
import { beforeReasoning } from './reasoning';
import type { Renderer } from './template';
import { commonEnd, commonStart } from './text';

/** Characters from..to-1 of a text. */
export type Range = readonly [from: number, to: number];

/** Where an answer is in the text. */
export interface FoundAnswer {
  /** From where the prompt before it ends in generation to the end-of-turn token, included. */
  readonly range: Range;
  /** What generation of this answer would begin with; null where the template renders none. */
  readonly prompt: string | null;
  /** The text begins with `prompt`. */
  readonly follows: boolean;
  /** All of the answer is shown. */
  readonly complete: boolean;
  /** Whether a text shows all of the answer. */
  readonly shows: (text: string) => boolean;
}

export class RenderedChat {
  readonly text: string;
  readonly #chat: Renderer;
  readonly #messages: readonly Message[];
  readonly #stops: readonly string[];
  readonly #open: boolean;
  readonly #contents = new Map<number, Range | null>();

  /** With `open`, the assistant's next turn is opened at the end. Throws what the template raises. */
  constructor(chat: Renderer, messages: readonly Message[], stops: readonly string[], open: boolean) {
    this.#chat = chat;
    this.#messages = messages;
    this.#stops = stops;
    this.#open = open;
    this.text = chat.render(messages, open);
  }

  /** The answer of turn `index`; null when the template does not show it. */
  answer(index: number): FoundAnswer | null {
    const message = this.#messages[index];
    if (message === undefined) return null;
    const prompt = index === 0 ? null : this.#chat.tryRender(this.#messages.slice(0, index), true);
    const begins = prompt === null ? [] : [prompt, beforeReasoning(prompt)];
    const followed = begins.find((begin) => this.text.startsWith(begin));
    const shows = (text: string) => showsAll(text, message);
    const plain = followed === undefined ? null : this.#plain(followed.length, message);
    if (plain !== null) return { range: plain, prompt, follows: followed === prompt, complete: true, shows };
    const content = this.#content(index);
    if (content === null) return null;
    const [from, to] = content;
    const start = followed !== undefined && followed.length <= from ? followed.length : this.#opened(index, from, begins);
    const range = [start, this.#end(index, to)] as const;
    const follows = followed !== undefined && followed === prompt && start === followed.length;
    return { range, prompt, follows, complete: shows(this.text.slice(...range)), shows };
  }

  /** The answer of most templates: its content, then a stop token. */
  #plain(from: number, { content, toolCalls }: Message): Range | null {
    if (toolCalls !== undefined) return null;
    const shown = [content, content.trim()].find((one) => this.text.startsWith(one, from));
    if (shown === undefined) return null;
    const rest = this.text.slice(from + shown.length, from + shown.length + NEAR);
    const space = rest.length - rest.trimStart().length;
    const stop = longest(this.#stops.filter((one) => rest.startsWith(one, space)));
    return stop === null ? null : [from, from + shown.length + space + stop.length];
  }

  /** Where the content of a turn is: where another content changes the text. Null when it changes nothing. */
  #content(index: number): Range | null {
    const known = this.#contents.get(index);
    if (known !== undefined) return known;
    const found = this.#changed(index);
    this.#contents.set(index, found);
    return found;
  }

  #changed(index: number): Range | null {
    const mark = markFor(this.text);
    const messages = this.#messages.map((message, i) => (i === index ? marked(message, mark) : message));
    const other = this.#chat.tryRender(messages, this.#open);
    if (other?.includes(mark) !== true) return null;
    const from = commonStart(this.text, other);
    const most = Math.min(this.text.length, other.length) - from;
    return [from, this.text.length - commonEnd(this.text, other, most)];
  }

  /**
   * Where the answer whose content begins at `from` was opened, in a text that does not begin with its prompt: after all that the
   * prompt has after the turn before; for the first turn, after the template's opening; else at the content.
   */
  #opened(index: number, from: number, prompts: readonly string[]): number {
    if (index === 0) {
      const { opening } = this.#chat;
      const at = opening === '' ? -1 : this.text.lastIndexOf(opening, from - opening.length);
      return at < 0 ? from : at + opening.length;
    }
    const before = this.#content(index - 1)?.[1] ?? from;
    for (let at = from; at > before; at--) {
      const opened = this.text.slice(before, at);
      if (prompts.some((prompt) => prompt.endsWith(opened))) return at;
    }
    return from;
  }

  /** After the first stop token between the content and that of the next turn; without one, where the turn ends. */
  #end(index: number, to: number): number {
    const limit = index + 1 < this.#messages.length ? (this.#content(index + 1)?.[0] ?? this.text.length) : this.text.length;
    const ends = this.#stops.flatMap((stop) => {
      const at = this.text.indexOf(stop, to);
      return at < 0 || at + stop.length > limit ? [] : [{ at, end: at + stop.length }];
    });
    ends.sort((a, b) => a.at - b.at || b.end - a.end);
    return ends[0]?.end ?? this.#turnEnd(index, to);
  }

  /** Where a turn without a stop token ends: where the conversation ends when the turn is the last. */
  #turnEnd(index: number, to: number): number {
    const turn = this.#chat.tryRender(this.#messages.slice(0, index + 1), false);
    return turn !== null && turn.length >= to && this.text.startsWith(turn) ? turn.length : to;
  }
}

/** A stop token and the white space before it are shorter. */
const NEAR = 200;

const longest = (texts: readonly string[]): string | null =>
  texts.reduce<string | null>((a, b) => (a !== null && a.length >= b.length ? a : b), null);

/** Private characters, which texts rarely have. */
const MARKS = Array.from({ length: 64 }, (_, i) => String.fromCharCode(0xe000 + i));

/** A content whose first and last characters are not in the text. */
function markFor(text: string): string {
  const character = MARKS.find((one) => !text.includes(one)) ?? '\uf8ff';
  return `${character}mark${character}`;
}

/** The turn with another content. A turn of calls only has other calls. */
function marked(message: Message, mark: string): Message {
  const { content, toolCalls } = message;
  if (toolCalls === undefined) return { ...message, content: mark };
  const calls = toolCalls.map((call) => ({ ...call, name: mark, arguments: { [mark]: mark } }));
  return { ...message, content: content === '' ? '' : mark, toolCalls: calls };
}

/** Whether a text has all of a turn. Templates change the white space around reasoning, open it themselves, and write calls in their form. */
function showsAll(text: string, { content, toolCalls = [] }: Message): boolean {
  const bare = (one: string) => one.replace(/\s+/g, '');
  return bare(text).includes(bare(content).replace(/^<think>/, '')) && toolCalls.every(({ name }) => text.includes(name));
}
