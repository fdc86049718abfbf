/** Maps rows to training examples by format and column roles. A row that can't be used becomes a problem with its reason. */

import { buildRows, withSystem, type Built, type Cells, type ExampleOr } from './cells';
import { listOf, messageStyle, readMessages, type MessagesOr } from './messages';
import { pictureProblem } from './pictures';
import { fromPreference, isWhole } from './preference';
import { readTools } from './tool-calls';
import { cellText, type Table } from './table';
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
  const build = BUILDERS[mapping.format];
  return buildRows(table, mapping, (cells) => completed(cells, build(cells)));
}

/** With the tools of the row and what was left out of it; or why its text does not stand alone. */
function completed(cells: Cells, built: ExampleOr): ExampleOr {
  if (typeof built === 'string') return built;
  const tools = readTools(cells.raw('tools')?.cell);
  if (tools === null) return `${cells.names('tools')} is not a list of tools: expected JSON schemas of functions.`;
  const examples: readonly Example[] = Array.isArray(built) ? (built as readonly Example[]) : [built as Example];
  const chats = examples.filter((example) => example.kind === 'chat');
  const pictures = chats.map(({ messages }) => pictureProblem(cells, messages)).find((problem) => problem !== null);
  if (pictures !== undefined) return pictures;
  const notes = cells.notes();
  const more = { ...(tools.length > 0 && { tools }), ...(notes.length > 0 && { notes }) };
  return examples.map((example) => (example.kind === 'chat' ? { ...example, ...more } : example));
}

function fromText(cells: Cells): ExampleOr {
  const text = cells.text('text');
  return text === '' ? `Nothing to learn from: ${cells.names('text')} is empty.` : { kind: 'text', line: cells.line, text };
}

function fromLabel(cells: Cells): ExampleOr {
  return chat(cells, [], 'text', cells.text('label'), 'label');
}

function fromTurns(cells: Cells): ExampleOr {
  const history = readHistory(cells.raw('history')?.cell);
  if (typeof history === 'string') return history;
  if (cells.names('instances') !== '') return fromInstances(cells, history);
  return chat(cells, history, 'user', answerText(cells), 'assistant');
}

/** System turn, earlier turns, then one question (with its context) and its answer, which is in a column of role `answers`. */
function chat(
  cells: Cells,
  history: readonly Message[],
  asks: ColumnRole,
  answer: string,
  answers: ColumnRole,
  more = cells.text('context'),
): Example | string {
  const question = [cells.text(asks), more].filter((part) => part !== '').join('\n');
  const empty = [question === '' ? cells.names(asks) : '', answer === '' ? cells.names(answers) : ''].filter(
    (name) => name !== '',
  );
  if (empty.length > 0) return `${empty.join(' and ')} ${empty.length === 1 ? 'is' : 'are'} empty.`;
  const turns: Message[] = [...history, { role: 'user', content: question }, { role: 'assistant', content: answer }];
  return { kind: 'chat', line: cells.line, messages: withSystem(cells, turns) };
}

/**
 * The answer: text, or the first of several that are all right, which is how datasets of questions write them: `{"text": […]}` (SQuAD),
 * or a list in a column `answers`.
 */
function answerText(cells: Cells): string {
  const columns = cells.each('assistant').map(({ cell, name }) => answerOf(cell, name));
  return columns.filter((text) => text.trim() !== '').join('\n');
}

function answerOf(cell: unknown, name: string): string {
  const several = isRecord(cell) && Array.isArray(cell.text) ? cell.text : cell;
  if (!Array.isArray(several)) return cellText(cell);
  const alternatives: readonly unknown[] = several;
  const named = several !== cell || /(^|\b|_)answers(\.text)?$/i.test(name);
  return named ? cellText(alternatives[0]) : cellText(cell);
}

/** Self-Instruct: each pair of an input and an output is an example of the instruction. */
function fromInstances(cells: Cells, history: readonly Message[]): ExampleOr {
  const pairs = listOf(cells.raw('instances')?.cell)?.map((pair) => (isRecord(pair) ? pair : null)) ?? [];
  if (pairs.length === 0) return `${cells.names('instances')} is empty.`;
  if (!pairs.every((pair) => pair !== null && 'output' in pair))
    return `${cells.names('instances')} is not a list of objects with an input and an output.`;
  const built = pairs.map((pair) => {
    const [input, output] = [pair?.input, pair?.output].map((part) => cellText(part).trim());
    return chat(cells, history, 'user', output ?? '', 'instances', input);
  });
  const wrong = built.find((one) => typeof one === 'string');
  return wrong ?? built.filter((one) => typeof one !== 'string');
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
  const read = readMessages(list.cell, list.name, cells.note);
  if (typeof read === 'string') return read;
  const answer = readAnswer(cells);
  if (typeof answer === 'string') return answer;
  const turns = isWhole(answer) ? answer : [...read, ...answer];
  const answers = turns.filter((message) => message.role === 'assistant');
  if (answers.length === 0) return 'No assistant message: there is no answer to learn.';
  if (answers.every(({ weight }) => weight === 0)) return 'Every answer has weight 0: there is none to learn.';
  return { kind: 'chat', line: cells.line, messages: withSystem(cells, turns) };
}

function readAnswer(cells: Cells): MessagesOr {
  const answer = cells.raw('assistant');
  if (answer === null) return [];
  const list = typeof answer.cell === 'string' ? messageStyle(answer.cell) !== null : true;
  if (!list) return [{ role: 'assistant', content: cellText(answer.cell) }];
  return readMessages(answer.cell, answer.name, cells.note);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
