/**
 * Preference data: a prompt with a preferred and a rejected answer, or answers labelled as desirable or not. Only the preferred
 * answers become examples of next-token prediction; unpaired.ts and pair.ts make those of others. The forms are those of TRL ("Dataset formats and types"), with strings or message lists:
 *
 * - prompt, chosen, rejected
 * - chosen, rejected, both beginning with the same prompt ("implicit prompt")
 * - prompt, completion, label (true or false: "unpaired preference")
 */

import { withSystem, type Cells, type ExampleOr } from './cells';
import { messageStyle, readMessages, type MessagesOr } from './messages';
import { readFlag } from './table';
import type { ColumnRole, Message } from './types';

/** The prompt and the preferred answer. The rejected answer is read only to find the end of an implicit prompt. */
export function fromPreference(cells: Cells): ExampleOr {
  const desirable = cells.names('label') === '' ? true : readLabel(cells);
  if (typeof desirable === 'string') return desirable;
  // A bad answer is no mistake in the data: only this objective has no use for it.
  if (!desirable) return [];
  const turns = readConversation(cells, 'assistant');
  if (typeof turns === 'string') return turns;
  return { kind: 'chat', line: cells.line, messages: withSystem(cells, turns) };
}

/** Whether the label of a row says that its answer is desirable: true or 1, false or 0; else what is wrong with it. */
export function readLabel(cells: Cells): boolean | string {
  const label = readFlag(cells.raw('label')?.cell);
  return label ?? `${cells.names('label')} is ${JSON.stringify(cells.text('label'))}, expected true or false.`;
}

/** The prompt with the answer of a role, which ends with the assistant's turn. */
export function readConversation(cells: Cells, role: 'assistant' | 'rejected'): MessagesOr {
  const turns = readBoth(cells, role);
  if (typeof turns === 'string' || turns.at(-1)?.role === 'assistant') return turns;
  return `No assistant message at the end of ${cells.names(role) || cells.names('messages')}: there is no answer to learn.`;
}

function readBoth(cells: Cells, role: 'assistant' | 'rejected'): MessagesOr {
  const answer = readTurns(cells, role);
  if (typeof answer === 'string') return answer;
  if (isWhole(answer)) return answer;
  if (cells.names('user') === '' && cells.names('messages') === '') return splitImplicit(cells, role);
  const prompt = readPrompt(cells);
  if (typeof prompt === 'string') return prompt;
  const missing = cells.names(role) !== '' && answer.length === 0 ? emptyCell(cells, role) : null;
  return missing ?? [...prompt, ...answer];
}

/** True for a list with the whole conversation, which repeats the prompt even if that has its own column. */
export function isWhole(turns: readonly Message[]): boolean {
  return turns[0]?.role === 'user' || turns[0]?.role === 'system';
}

function readPrompt(cells: Cells): MessagesOr {
  const role = cells.raw('messages') === null ? 'user' : 'messages';
  const turns = readTurns(cells, role);
  if (typeof turns !== 'string' && turns.length === 0) return emptyCell(cells, role);
  return turns;
}

const emptyCell = (cells: Cells, role: ColumnRole) => `${cells.names(role)} is empty.`;

/** The turns in the column of `role`: a list of messages, a transcript, or one turn of plain text. Empty when the cell is. */
function readTurns(cells: Cells, role: 'assistant' | 'rejected' | 'user' | 'messages'): MessagesOr {
  const found = cells.raw(role);
  if (found === null) return [];
  const { name } = found;
  const cell = unwrapped(found.cell);
  const isList = role === 'messages' || (typeof cell === 'object' && cell !== null) || messageStyle(cell) !== null;
  if (isList) return readMessages(cell, name, cells.note);
  const text = cells.text(role);
  const context = role === 'user' ? cells.text('context') : '';
  return (
    readTranscript(text) ?? [
      { role: role === 'rejected' ? 'assistant' : role, content: context === '' ? text : `${text}\n${context}` },
    ]
  );
}

/** OpenAI's preference rows have their prompt as `{"messages": […]}`. */
function unwrapped(cell: unknown): unknown {
  const wrapped = typeof cell === 'object' && cell !== null && 'messages' in cell;
  return wrapped ? cell.messages : cell;
}

const TURN = /(?:^|\n\n)(Human|Assistant):/;

/** A transcript as HH-RLHF writes it (`\n\nHuman: …\n\nAssistant: …`), without empty turns; null for any other text. */
function readTranscript(text: string): Message[] | null {
  const [lead = '', ...parts] = text.split(TURN);
  if (lead.trim() !== '' || parts[0] !== 'Human') return null;
  const turns: Message[] = [];
  for (let i = 0; i + 1 < parts.length; i += 2) {
    const content = (parts[i + 1] ?? '').trim();
    if (content !== '') turns.push({ role: parts[i] === 'Human' ? 'user' : 'assistant', content });
  }
  return turns;
}

const NEXT = 'Add a column with the prompt, or choose the format "Plain text" to learn whole texts.';

/** The prompt and the answer of a role. The prompt is what both answers begin with, as in TRL's `extract_prompt`, but never ends inside a word. */
function splitImplicit(cells: Cells, role: 'assistant' | 'rejected'): MessagesOr {
  const [chosen, rejected] = [cells.text('assistant'), cells.text('rejected')];
  const names = [cells.names('assistant'), cells.names('rejected')] as const;
  if (chosen === '') return `${names[0]} is empty.`;
  if (rejected === '') return `${names[1]} is empty, so the prompt, with which both answers begin, can't be found. ${NEXT}`;
  if (chosen === rejected) return `${names[0]} and ${names[1]} are the same: neither is preferred.`;
  const end = sharedWords(chosen, rejected);
  const whole = role === 'assistant' ? chosen : rejected;
  const [prompt, answer] = [whole.slice(0, end).trim(), whole.slice(end).trim()];
  if (prompt === '') return `${names[0]} and ${names[1]} do not begin with the same words, which would be the prompt. ${NEXT}`;
  const [own, other] = role === 'assistant' ? names : [names[1], names[0]];
  if (answer === '') return `${own} has no answer after the words that it shares with ${other}.`;
  return [
    { role: 'user', content: prompt },
    { role: 'assistant', content: answer },
  ];
}

/** Characters of the longest common beginning that ends with white space. */
function sharedWords(a: string, b: string): number {
  let end = 0;
  while (end < a.length && a[end] === b[end]) end++;
  return a.slice(0, end).search(/\S*$/);
}
