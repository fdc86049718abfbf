/**
 * A chat template as fixed texts around the turns. Templates are programs in Jinja; most of them only put such texts around each turn.
 * The texts are found in a few rendered conversations; others show whether the template does nothing else.
 */

import type { ChatTemplate } from '../tokenizer/template';

/** A message of a conversation. Other roles are not written. */
export interface Turn {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** The texts before and after a turn's content. */
export interface Around {
  readonly before: string;
  readonly after: string;
}

export interface Turns {
  /** Begins every conversation. */
  readonly start: string;
  /** A system message is a turn of its own, or a part of the first user turn; null: the template has none, so it is left out. */
  readonly system: ({ readonly kind: 'turn' } & Around) | ({ readonly kind: 'in-user' } & Around) | null;
  /** Stands before the first turn of a conversation without a system message. */
  readonly noSystem: string;
  readonly user: Around;
  readonly assistant: Around;
  /** Opens the assistant's next turn. */
  readonly open: string;
}

type Render = Pick<ChatTemplate, 'tryRender'>;

const [S, U, A, V, B] = [
  'Probe of the system.',
  'Probe of a question?',
  'Probe of an answer.',
  'Second question?',
  'Second answer.',
];
const system = (content: string): Turn => ({ role: 'system', content });
const user = (content: string): Turn => ({ role: 'user', content });
const assistant = (content: string): Turn => ({ role: 'assistant', content });

/** The texts of a template; null when it does more than to put texts around turns. `startToken`: it may begin a conversation, or is empty. */
export function turnsOf(chat: Render, startToken: string): Turns | null {
  const between = betweenOf(chat, startToken);
  if (between === null) return null;
  const found = [endsOfClosed(chat), endsOf(between)].map((ends) => (ends === null ? null : derived(chat, between, ends)));
  return found.find((turns) => turns !== null && PROBES.every((messages) => agrees(chat, turns, messages))) ?? null;
}

/** Conversations that derived texts must reproduce, with several lines and with characters that templates treat specially. */
const PROBES: readonly (readonly Turn[])[] = [
  [user(U)],
  [system(S), user(U)],
  [user(U), assistant(A), user(V)],
  [system(S), user(U), assistant(A), user(V)],
  [
    system('Two\nlines.'),
    user('A "quoted" text\n\nand <b>more</b>.'),
    assistant('1. {{one}}\n2. two'),
    user(V),
    assistant(B),
    user(U),
  ],
];

function agrees(chat: Render, turns: Turns, messages: readonly Turn[]): boolean {
  const expected = chat.tryRender(messages, true);
  // A template that refuses system messages raises an error.
  if (expected === null) return turns.system === null && messages.some(({ role }) => role === 'system');
  return renderTurns(turns, messages) === expected;
}

/** The texts between the contents of a conversation of a question, an answer and a question. */
interface Between {
  readonly start: string;
  /** Before the first question, after the start. */
  readonly first: string;
  readonly toAnswer: string;
  readonly toQuestion: string;
  /** After the last question, with the assistant's turn opened. */
  readonly last: string;
}

/** Where the text after a turn ends and that before the next one begins. */
interface Ends {
  readonly user: string;
  readonly assistant: string;
}

function betweenOf(chat: Render, startToken: string): Between | null {
  const text = chat.tryRender([user(U), assistant(A), user(V)], true);
  if (text === null) return null;
  const [before, afterU] = around(text, U);
  const [toAnswer, afterA] = around(afterU, A);
  const [toQuestion, last] = around(afterA, V);
  const start = before.startsWith(startToken) ? startToken : '';
  return { start, first: before.slice(start.length), toAnswer, toQuestion, last };
}

/** The ends of turns as they are at the end of a conversation. */
function endsOfClosed(chat: Render): Ends | null {
  const [question, answer] = [chat.tryRender([user(U)], false), chat.tryRender([user(U), assistant(A)], false)];
  return question === null || answer === null ? null : { user: around(question, U)[1], assistant: around(answer, A)[1] };
}

/** For templates that put more at the end of a conversation: the second question begins as the first, and all turns end alike. */
function endsOf({ first, toAnswer, toQuestion, last }: Between): Ends {
  const end = toQuestion.endsWith(first) ? toQuestion.slice(0, toQuestion.length - first.length) : '';
  return { assistant: end, user: toAnswer.startsWith(end) && last.startsWith(end) ? end : '' };
}

function derived(chat: Render, { start, first, toAnswer, toQuestion, last }: Between, ends: Ends): Turns | null {
  const before = toQuestion.slice(ends.assistant.length);
  const whole = toQuestion.startsWith(ends.assistant) && toAnswer.startsWith(ends.user) && last.startsWith(ends.user);
  if (!whole || !first.endsWith(before)) return null;
  return withSystem(chat, {
    ...{ start, noSystem: first.slice(0, first.length - before.length), open: last.slice(ends.user.length) },
    user: { before, after: ends.user },
    assistant: { before: toAnswer.slice(ends.user.length), after: ends.assistant },
  });
}

/** Adds how a system message is written. */
function withSystem(chat: Render, turns: Omit<Turns, 'system'>): Turns {
  const text = chat.tryRender([system(S), user(U)], true);
  if (text?.includes(S) !== true) return { ...turns, system: null };
  const [lead, rest] = around(text, S);
  const [between] = around(rest, U);
  const before = lead.slice(turns.start.length);
  const { before: turn } = turns.user;
  const kind = between.endsWith(turn) ? 'turn' : 'in-user';
  return {
    ...turns,
    system: { kind, before, after: kind === 'turn' ? between.slice(0, between.length - turn.length) : between },
  };
}

/** The texts before and after the first `content`; an empty text and all of it when it is not there. */
function around(text: string, content: string): readonly [string, string] {
  const at = text.indexOf(content);
  return at < 0 ? ['', text] : [text.slice(0, at), text.slice(at + content.length)];
}

/** The conversation with the assistant's next turn opened; an answer at the end is continued. System messages come first. */
export function renderTurns(turns: Turns, messages: readonly Turn[]): string {
  const instructions = messages
    .filter(({ role }) => role === 'system')
    .map(({ content }) => content)
    .join('\n\n');
  const parts = [turns.start];
  if (instructions === '' || turns.system === null) parts.push(turns.noSystem);
  else if (turns.system.kind === 'turn') parts.push(turns.system.before, instructions, turns.system.after);
  const others = messages.filter(({ role }) => role !== 'system');
  others.forEach(({ role, content }, i) => {
    const texts = role === 'user' ? turns.user : turns.assistant;
    const merged = i === 0 && instructions !== '' && turns.system?.kind === 'in-user' ? turns.system : null;
    const lead = merged === null ? texts.before : `${merged.before}${instructions}${merged.after}`;
    const last = i === others.length - 1 && role === 'assistant';
    parts.push(lead, content, last ? '' : texts.after);
  });
  return parts.join('') + (others.at(-1)?.role === 'assistant' ? '' : turns.open);
}
