/** What a model reads of a row: the text by which rows of two parts are compared. */

import { messageStyle, readMessages } from '../messages';
import { columnsWith } from '../steps/step';
import { cellText, type Row } from '../table';
import type { Mapping } from '../types';

/**
 * Reads the question or the text of rows, without answers, labels and system prompts, which many rows share. Of conversations all turns but
 * the assistant's; empty where there are none.
 */
export function inputReader(mapping: Mapping): (row: Row) => string {
  const inputs = columnsWith(mapping, 'history', 'text', 'user', 'context', 'messages');
  if (inputs.length > 0) return ({ cells }) => joined(inputs.map((column) => textOf(cells[column])));
  // Both answers of preference data may be whole conversations, which begin with the question.
  const [answers] = columnsWith(mapping, 'assistant');
  return ({ cells }) => (messageStyle(cells[answers ?? 0]) === null ? '' : textOf(cells[answers ?? 0]));
}

function textOf(cell: unknown): string {
  if (messageStyle(cell) === null) return cellText(cell);
  const messages = readMessages(cell, '');
  if (typeof messages === 'string') return '';
  return joined(messages.filter(({ role }) => role === 'user' || role === 'tool').map(({ content }) => content));
}

const joined = (texts: readonly string[]): string =>
  texts
    .map((text) => text.trim())
    .filter((text) => text !== '')
    .join('\n');
