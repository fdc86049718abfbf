/** From rows to training examples, by format and column roles. A row that can't be used says why. */

import { readMessages, type MessagesOr } from './messages';
import { cellText, isFilled, type Row, type Table } from './table';
import type { ColumnRole, Example, Format, Mapping, Message, RowProblem } from './types';

/** An example, or the reason why the row gives none. */
type ExampleOr = Example | string;

/** Access to a row's cells by role. */
interface Cells {
  readonly line: number;
  /** The filled cells of a role as text, joined by line breaks; empty when there are none. */
  text(role: ColumnRole): string;
  /** The first filled cell of a role as it stands, and its column's name. */
  raw(role: ColumnRole): { readonly cell: unknown; readonly name: string } | null;
  /** Names of the columns of a role, for messages. */
  names(role: ColumnRole): string;
}

const BUILDERS: Record<Format, (cells: Cells) => ExampleOr> = {
  messages: fromMessages,
  sharegpt: fromMessages,
  alpaca: fromTurns,
  'prompt-completion': fromTurns,
  text: fromText,
  'text-label': fromLabel,
};

/** Maps every row of `table`; the problems are those of the rows, in order. The mapping must have the roles its format needs. */
export function mapRows(table: Table, mapping: Mapping): { examples: Example[]; problems: RowProblem[] } {
  const examples: Example[] = [];
  const problems: RowProblem[] = [];
  const columns = columnsByRole(mapping.roles);
  const build = BUILDERS[mapping.format];
  for (const row of table.rows) {
    const built = build(cellsOf(row, columns, table.columns));
    if (typeof built === 'string') problems.push({ line: row.line, message: built });
    else examples.push(built);
  }
  return { examples, problems };
}

type ColumnsByRole = ReadonlyMap<ColumnRole, readonly number[]>;

function columnsByRole(roles: readonly ColumnRole[]): ColumnsByRole {
  const columns = new Map<ColumnRole, number[]>();
  roles.forEach((role, column) => columns.set(role, [...(columns.get(role) ?? []), column]));
  return columns;
}

function cellsOf(row: Row, columns: ColumnsByRole, names: readonly string[]): Cells {
  const filled = (role: ColumnRole) => (columns.get(role) ?? []).filter((column) => isFilled(row.cells[column]));
  return {
    line: row.line,
    text: (role) =>
      filled(role)
        .map((column) => cellText(row.cells[column]))
        .join('\n'),
    raw: (role) => {
      const [column] = filled(role);
      return column === undefined ? null : { cell: row.cells[column], name: names[column] ?? '' };
    },
    names: (role) => (columns.get(role) ?? []).map((column) => `"${names[column] ?? ''}"`).join(', '),
  };
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

/** System, earlier turns, then one question (with its context) and its answer. */
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

/** Puts the system column in front, unless the messages have a system turn of their own. */
function withSystem(cells: Cells, messages: readonly Message[]): readonly Message[] {
  const system = cells.text('system');
  if (system === '' || messages[0]?.role === 'system') return messages;
  return [{ role: 'system', content: system }, ...messages];
}

/** Alpaca's history: a list of [question, answer] pairs. */
function readHistory(cell: unknown): MessagesOr {
  const list: unknown = typeof cell === 'string' ? parseList(cell) : (cell ?? []);
  const pairs: unknown[] | null = Array.isArray(list) ? list : null;
  const turns = pairs?.map(readPair) ?? [null];
  return turns.every((pair) => pair !== null) ? turns.flat() : 'The history is no list of [question, answer] pairs.';
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

/** A conversation, with the answer of a separate column (such as `chosen`) put behind it. */
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
