/** Calls of tools in messages, their text form, and the schemas of the tools of a row. */

import type { ToolCall } from './types';

/** The calls of a message in OpenAI's forms (`tool_calls`, the older `function_call`); empty when it has none. */
export function readCalls(item: Readonly<Record<string, unknown>>): ToolCall[] {
  if (Array.isArray(item.tool_calls)) return item.tool_calls.flatMap(readCall);
  return isRecord(item.function_call) ? readCall(item.function_call) : [];
}

/** The calls in a ShareGPT turn of `function_call`, whose value is JSON text of one call or a list of them; null for other text. */
export function callsOfText(text: string): ToolCall[] | null {
  const value = parsed(text);
  const list: unknown[] = Array.isArray(value) ? value : [value];
  const calls = list.flatMap(readCall);
  return calls.length > 0 && calls.length === list.length ? calls : null;
}

/**
 * Calls as text, one a line: `{"name": …, "arguments": …}`. What a model writes whose chat template has no form of its own for them.
 */
export function callText(calls: readonly ToolCall[]): string {
  return calls.map((call) => JSON.stringify({ name: call.name, arguments: call.arguments })).join('\n');
}

function readCall(call: unknown): ToolCall[] {
  const made = isRecord(call) && isRecord(call.function) ? call.function : call;
  if (!isRecord(made) || typeof made.name !== 'string') return [];
  const id = isRecord(call) && typeof call.id === 'string' ? { id: call.id } : {};
  return [{ name: made.name, arguments: parsed(made.arguments ?? made.parameters ?? {}), ...id }];
}

/**
 * The tools of a row as chat templates expect them, `{"type": "function", "function": {…}}`: from a list or JSON text of one, of such
 * objects or of bare functions. Empty when there are none; null when the cell is something else.
 */
export function readTools(cell: unknown): readonly unknown[] | null {
  const value = typeof cell === 'string' ? parsed(cell) : cell;
  if (value === null || value === undefined || value === '') return [];
  const list: unknown[] = Array.isArray(value) ? value : [value];
  const tools = list.map((tool) => (typeof tool === 'string' ? parsed(tool) : tool));
  return tools.every(isRecord) ? tools.map(wrapped) : null;
}

function wrapped(tool: Readonly<Record<string, unknown>>): unknown {
  return isRecord(tool.function) ? { type: 'function', ...tool } : { type: 'function', function: tool };
}

/** OpenAI writes arguments as JSON text inside JSON. Parses it; other values and other text are kept. */
function parsed(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
