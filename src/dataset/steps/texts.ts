/** The texts of cells: what a step that changes texts goes through. */

import { listOf, messageStyle } from '../messages';
import { cellText, type Row } from '../table';
import type { ColumnRole, Mapping } from '../types';
import { columnsWith, withCells, type Shape } from './step';

/** Roles of texts that the model reads, and of those that it learns. */
const READ = ['system', 'history', 'text', 'user', 'context', 'messages'] as const satisfies readonly ColumnRole[];
const LEARNED = ['assistant', 'rejected'] as const satisfies readonly ColumnRole[];

/** `input`: what the model reads, without the assistant's turns of conversations. `all`: also what it learns, but no labels. */
export type TextPart = 'input' | 'all';

/** Of conversations also `user`: only the user's turns. */
type TurnPart = TextPart | 'user';

/** Columns of texts; `all` without the columns of labels. */
function columnsOf(mapping: Mapping, part: TextPart, labels: readonly number[]): number[] {
  const roles = part === 'input' ? READ : [...READ, ...LEARNED];
  return columnsWith(mapping, ...roles).filter((column) => !labels.includes(column));
}

/** Changes the texts of a row; the same row if none differs. Lists other than messages stay as they are. */
export function textChanger(
  mapping: Mapping,
  part: TextPart,
  labels: readonly number[],
  change: (text: string) => string,
): (row: Row) => Row {
  const columns = columnsOf(mapping, part, labels);
  const changeCell = (cell: unknown): unknown => changeTexts(cell, part, change);
  return (row) => withCells(row, columns, changeCell);
}

/** The cell with other texts; the same one if none differs. JSON text of messages becomes a list if one of them does. */
export function changeTexts(cell: unknown, part: TurnPart, change: (text: string) => string): unknown {
  if (messageStyle(cell) === null) return typeof cell === 'string' ? change(cell) : cell;
  const list = listOf(cell) ?? [];
  const changed = list.map((message) => (isOf(part, message) ? changeMessage(message, change) : message));
  return changed.every((one, index) => one === list[index]) ? cell : changed;
}

/** The fields of a message that have its text, in OpenAI's form and ShareGPT's. */
const FIELDS = ['content', 'value', 'text'] as const;

function changeMessage(message: unknown, change: (text: string) => string): unknown {
  if (!isFields(message)) return message;
  const changed: Record<string, unknown> = { ...message };
  for (const field of FIELDS) if (Object.hasOwn(message, field)) changed[field] = changeContent(message[field], change);
  return FIELDS.every((field) => changed[field] === message[field]) ? message : changed;
}

/** A text, or a list of parts. */
function changeContent(content: unknown, change: (text: string) => string): unknown {
  if (typeof content === 'string') return change(content);
  if (!Array.isArray(content)) return content;
  const parts: readonly unknown[] = content;
  const changed = parts.map((part) => changeMessage(part, change));
  return changed.every((part, index) => part === parts[index]) ? content : changed;
}

const ANSWERING = new Set(['assistant', 'gpt', 'chatgpt', 'bot', 'model', 'function_call']);

const ASKING = new Set(['user', 'human', 'prompter']);

function isOf(part: TurnPart, message: unknown): boolean {
  const speaker = isFields(message) ? (message['role'] ?? message['from']) : null;
  const name = typeof speaker === 'string' ? speaker.trim().toLowerCase() : '';
  return part === 'all' || (part === 'user' ? ASKING.has(name) : !ANSWERING.has(name));
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** All texts of some columns of a row; of messages without their roles. */
export function textsOf({ cells }: Row, columns: readonly number[]): string[] {
  const texts: string[] = [];
  const take = (text: string): string => {
    texts.push(text);
    return text;
  };
  for (const column of columns) {
    const cell = cells[column];
    if (messageStyle(cell) === null) take(cellText(cell));
    else changeTexts(cell, 'all', take);
  }
  return texts;
}

/** Whether a change has an effect on the rows at hand: what a step that is expensive to try asks before it is suggested. */
export function changesSample({ sample }: Shape, change: (row: Row) => Row): boolean {
  return sample.some((row) => change(row) !== row);
}
