/** Maps rows to training examples by format and column roles. A row that can't be used becomes a problem with its reason. */

import { buildRows, withSystem, type Built, type Cells, type ExampleOr } from './cells';
import { readMessages, type MessagesOr } from './messages';
import { fromPreference } from './preference';
import type { Table } from './table';
import type { ColumnRole, Example, Format, Mapping, Message } from './types';

const BUILDERS: Record<Format, (cells: Cells) => ExampleOr> = {
  messages: fromMessages,
  sharegpt: fromMessages,
  alpaca: fromTurns,
  'prompt-completion': fromTurns,
  preference: fromPreference,
  text: fromText,
  'text-label': fromLabel,
};

/** Maps every row of `table`. The mapping must have the roles its format needs. */
export function mapRows(table: Table, mapping: Mapping): Built<Example> {
  return buildRows(table, mapping, BUILDERS[mapping.format]);
}

function fromText(cells: Cells): ExampleOr {
  const text = cells.text('text');
  return text === '' ? `Nothing to learn from: ${cells.names('text')} is empty.` : { kind: 'text', line: cells.line, text };
}

function fromLabel(cells: Cells): ExampleOr {
  return chat(cells, [], 'text', 'label');
}

function fromTurns(cells: Cells): ExampleOr {
  const history = readHistory(cells.raw('history')?.cell);
  return typeof history === 'string' ? history : chat(cells, history, 'user', 'assistant');
}

/** System turn, earlier turns, then one question (with its context) and its answer. */
function chat(cells: Cells, history: readonly Message[], asks: ColumnRole, answers: ColumnRole): ExampleOr {
  const question = [cells.text(asks), cells.text('context')].filter((part) => part !== '').join('\n');
  const answer = cells.text(answers);
  const empty = [question === '' ? cells.names(asks) : '', answer === '' ? cells.names(answers) : ''].filter(
    (name) => name !== '',
  );
  if (empty.length > 0) return `${empty.join(' and ')} ${empty.length === 1 ? 'is' : 'are'} empty.`;
  const turns: Message[] = [...history, { role: 'user', content: question }, { role: 'assistant', content: answer }];
  return { kind: 'chat', line: cells.line, messages: withSystem(cells, turns) };
}

/** Alpaca's history: a list of [question, answer] pairs. */
function readHistory(cell: unknown): MessagesOr {
  const list: unknown = typeof cell === 'string' ? parseList(cell) : (cell ?? []);
  const pairs: unknown[] | null = Array.isArray(list) ? list : null;
  const turns = pairs?.map(readPair) ?? [null];
  return turns.every((pair) => pair !== null) ? turns.flat() : 'The history is not a list of [question, answer] pairs.';
}

function readPair(pair: unknown): Message[] | null {
  if (!Array.isArray(pair) || pair.length !== 2 || !pair.every((part) => typeof part === 'string')) return null;
  const [question, answer] = pair;
  if (question === undefined || answer === undefined) return null;
  return [
    { role: 'user', content: question },
    { role: 'assistant', content: answer },
  ];
}

function parseList(text: string): unknown {
  if (text.trim() === '') return [];
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** A conversation, followed by the answer of a separate column (such as `response`) if there is one. */
function fromMessages(cells: Cells): ExampleOr {
  const list = cells.raw('messages');
  if (list === null) return `Missing messages list: ${cells.names('messages')} is empty.`;
  const read = readMessages(list.cell, list.name);
  if (typeof read === 'string') return read;
  const answer = readAnswer(cells);
  if (typeof answer === 'string') return answer;
  const messages = withSystem(cells, [...read, ...answer]);
  const answered = messages.some((message) => message.role === 'assistant');
  return answered ? { kind: 'chat', line: cells.line, messages } : 'No assistant message: there is no answer to learn.';
}

function readAnswer(cells: Cells): MessagesOr {
  const answer = cells.raw('assistant');
  if (answer === null) return [];
  if (typeof answer.cell === 'string') return [{ role: 'assistant', content: answer.cell }];
  return readMessages(answer.cell, answer.name);
}
