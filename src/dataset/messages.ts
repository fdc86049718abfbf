/**
 * Reads lists of chat messages in OpenAI's form ({role, content}) and ShareGPT's ({from, value}). The checks have the names of
 * OpenAI's fine-tuning guide.
 */

import type { Message, Role } from './types';

/** Messages, or the reason why they can't be read. */
export type MessagesOr = readonly Message[] | string;

const ROLES: Readonly<Record<string, Role>> = {
  system: 'system',
  developer: 'system',
  user: 'user',
  human: 'user',
  assistant: 'assistant',
  gpt: 'assistant',
  chatgpt: 'assistant',
  bot: 'assistant',
  model: 'assistant',
  function_call: 'assistant',
  tool: 'tool',
  function: 'tool',
  observation: 'tool',
  function_response: 'tool',
  tool_response: 'tool',
};

const KNOWN_KEYS = new Set('role content from value name weight function_call tool_calls tool_call_id'.split(' '));

/** A cell as a list: a list itself, a single object, or JSON text of either; null for anything else. */
export function listOf(cell: unknown): readonly unknown[] | null {
  if (Array.isArray(cell)) return cell as unknown[];
  if (isRecord(cell)) return [cell];
  if (typeof cell !== 'string' || !/^\s*[[{]/.test(cell)) return null;
  try {
    return listOf(JSON.parse(cell));
  } catch {
    return null;
  }
}

/** `openai` or `sharegpt` when the cell is a list of such messages, else null. */
export function messageStyle(cell: unknown): 'openai' | 'sharegpt' | null {
  const [first] = listOf(cell) ?? [];
  if (!isRecord(first)) return null;
  if (has(first, 'from') && has(first, 'value')) return 'sharegpt';
  return has(first, 'role') && (has(first, 'content') || has(first, 'tool_calls')) ? 'openai' : null;
}

/** Reads a list of messages. The reason of a failure names every message that is wrong. */
export function readMessages(cell: unknown, column: string): MessagesOr {
  const list = listOf(cell);
  if (list === null || list.length === 0) return `Missing messages list: "${column}" is not a list of messages.`;
  const read = list.map((item, i) => readMessage(item, i + 1));
  const wrong = read.filter((one) => typeof one === 'string');
  return wrong.length > 0 ? wrong.join(' ') : read.filter((one) => typeof one !== 'string');
}

function readMessage(item: unknown, number: number): Message | string {
  if (!isRecord(item)) return `Message ${number} is not an object with a role and a content.`;
  const speaker = has(item, 'role') ? item.role : item.from;
  if (speaker === undefined) return `Message ${number}: missing key "role"${unknownKeys(item)}.`;
  const role = typeof speaker === 'string' ? roleOf(speaker) : null;
  if (role === null)
    return `Message ${number}: unrecognised role ${JSON.stringify(speaker)}; expected system, user, assistant or tool.`;
  return withContent(item, role, number);
}

function withContent(item: Record<string, unknown>, role: Role, number: number): Message | string {
  const key = has(item, 'from') && !has(item, 'role') ? 'value' : 'content';
  const calls = callText(item);
  if (!has(item, key) && calls === null) return `Message ${number}: missing key "${key}"${unknownKeys(item)}.`;
  const content = joinParts(item[key]);
  if (content === null) return `Message ${number}: its content has parts that are not text.`;
  const text = [content, calls ?? ''].filter((part) => part.trim() !== '').join('\n');
  if (text === '') return `Message ${number}: missing content (the ${role}'s turn is empty).`;
  return { role, content: text };
}

/** Names unrecognised keys, one of which may be a misspelt required key. */
function unknownKeys(item: Record<string, unknown>): string {
  const keys = Object.keys(item).filter((key) => !KNOWN_KEYS.has(key));
  return keys.length === 0 ? '' : `; unrecognised key ${keys.map((key) => JSON.stringify(key)).join(', ')}`;
}

function roleOf(speaker: string): Role | null {
  const name = speaker.trim().toLowerCase();
  return Object.hasOwn(ROLES, name) ? (ROLES[name] ?? null) : null;
}

/** Content as text: a string, or a list of text parts. Null when some part is not text. */
function joinParts(content: unknown): string | null {
  if (content === null || content === undefined) return '';
  if (typeof content === 'string') return content;
  if (typeof content === 'number' || typeof content === 'boolean') return String(content);
  if (!Array.isArray(content)) return JSON.stringify(content);
  const parts = content.map((part: unknown) => (isRecord(part) && typeof part.text === 'string' ? part.text : null));
  return parts.every((part) => part !== null) ? parts.join('') : null;
}

/** Tool calls as the JSON text that a model generates for them, one a line: {"name": …, "arguments": …}. */
function callText(item: Record<string, unknown>): string | null {
  const list = Array.isArray(item.tool_calls) ? item.tool_calls : isRecord(item.function_call) ? [item.function_call] : [];
  const calls = list.flatMap((call: unknown) => {
    const made = isRecord(call) && isRecord(call.function) ? call.function : call;
    return isRecord(made) && typeof made.name === 'string' ? [{ name: made.name, arguments: parsed(made.arguments) }] : [];
  });
  return calls.length === 0 ? null : calls.map((call) => JSON.stringify(call)).join('\n');
}

/** OpenAI writes arguments as JSON text inside JSON. Parses them; other text is kept. */
function parsed(value: unknown): unknown {
  if (typeof value !== 'string') return value ?? {};
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}

/** Own properties only: a key such as `constructor` exists on the prototype. */
function has(record: Record<string, unknown>, key: string): boolean {
  return Object.hasOwn(record, key);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
