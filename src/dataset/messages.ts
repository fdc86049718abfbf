/**
 * Reads lists of chat messages in OpenAI's form ({role, content}) and ShareGPT's ({from, value}). The checks have the names of
 * OpenAI's fine-tuning guide.
 */

import { callsOfText, readCalls } from './tool-calls';
import type { Message, Role, RowNote, ToolCall } from './types';

/** Messages, or the reason why they can't be read. */
export type MessagesOr = readonly Message[] | string;

/** Is told what is left out of a message or taken otherwise than it says. */
export type Note = (note: RowNote) => void;

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

const KNOWN_KEYS = new Set('role content from value name weight loss_weight function_call tool_calls tool_call_id'.split(' '));

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
export function readMessages(cell: unknown, column: string, note: Note = () => undefined): MessagesOr {
  const list = listOf(cell);
  if (list === null || list.length === 0) return `Missing messages list: "${column}" is not a list of messages.`;
  const read = list.map((item, i) => readMessage(item, i + 1, note));
  const wrong = read.filter((one) => typeof one === 'string');
  return wrong.length > 0 ? wrong.join(' ') : read.filter((one) => typeof one !== 'string');
}

function readMessage(item: unknown, number: number, note: Note): Message | string {
  if (!isRecord(item)) return `Message ${number} is not an object with a role and a content.`;
  const speaker = has(item, 'role') ? item.role : item.from;
  if (speaker === undefined) return `Message ${number}: missing key "role"${unknownKeys(item)}.`;
  const role = typeof speaker === 'string' ? roleOf(speaker) : null;
  if (role === null)
    return `Message ${number}: unrecognised role ${JSON.stringify(speaker)}; expected system, user, assistant or tool.`;
  return withContent(item, role, number, note);
}

function withContent(item: Record<string, unknown>, role: Role, number: number, note: Note): Message | string {
  const key = has(item, 'from') && !has(item, 'role') ? 'value' : 'content';
  const calls = readCalls(item);
  if (!has(item, key) && calls.length === 0) return `Message ${number}: missing key "${key}"${unknownKeys(item)}.`;
  const content = joinParts(item[key], note);
  if (content === null) return `Message ${number}: its content has parts that are not text.`;
  if (content.trim() === '' && calls.length === 0) return emptyTurn(item[key], role, number);
  const called = calls.length === 0 && isCall(item) ? callsOfText(content) : null;
  return {
    role,
    content: called !== null || content.trim() === '' ? '' : content,
    ...turnCalls(called ?? calls),
    ...turnWeight(item, role, note),
    ...(role === 'tool' && toolOf(item)),
  };
}

function emptyTurn(content: unknown, role: Role, number: number): string {
  if (Array.isArray(content) && content.some(isPicture))
    return `Message ${number}: the ${role}'s turn is a picture, which the model can't see.`;
  return `Message ${number}: missing content (the ${role}'s turn is empty).`;
}

/** True for a ShareGPT turn whose value is a call. */
const isCall = (item: Record<string, unknown>) => item.from === 'function_call' || item.role === 'function_call';

const turnCalls = (toolCalls: readonly ToolCall[]) => (toolCalls.length === 0 ? {} : { toolCalls });

/** The weight of an answer: OpenAI's `weight`, LLaMA-Factory's `loss_weight`. Shares of 1 count as 1. */
function turnWeight(item: Record<string, unknown>, role: Role, note: Note): Pick<Message, 'weight'> {
  const given = item.weight ?? item.loss_weight;
  if (role !== 'assistant' || given === undefined || given === null || given === '') return {};
  const weight = Number(given);
  if (weight !== 0 && weight !== 1) note('weights');
  return weight <= 0 ? { weight: 0 } : {};
}

/** Which tool answers, and which call. */
function toolOf({ name, tool_call_id: id }: Record<string, unknown>): Pick<Message, 'name' | 'toolCallId'> {
  return { ...(typeof name === 'string' && { name }), ...(typeof id === 'string' && { toolCallId: id }) };
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

/** Content as text: a string, or a list of parts of text; pictures are left out. Null when some part is neither. */
function joinParts(content: unknown, note: Note): string | null {
  if (content === null || content === undefined) return '';
  if (typeof content === 'string') return content;
  if (typeof content === 'number' || typeof content === 'boolean') return String(content);
  if (!Array.isArray(content)) return JSON.stringify(content);
  const parts = content.map((part: unknown) => (isPicture(part) ? '' : partText(part)));
  if (content.some(isPicture)) note('images');
  return parts.every((part) => part !== null) ? parts.join('') : null;
}

/** The text of a part: `{type: "text", text}` (OpenAI), `{type: "text", value}` (LLaMA-Factory), or the part itself. */
function partText(part: unknown): string | null {
  if (typeof part === 'string') return part;
  if (!isRecord(part)) return null;
  const text = [part.text, part.value, part.content].find((one) => typeof one === 'string');
  return text !== undefined && (typeof part.type !== 'string' || part.type.endsWith('text')) ? text : null;
}

/** True for a part with a picture: `image`, `image_url`, `input_image`. */
function isPicture(part: unknown): boolean {
  return isRecord(part) && typeof part.type === 'string' && /^(input_)?image(_url)?$/.test(part.type);
}

/** Own properties only: a key such as `constructor` exists on the prototype. */
function has(record: Record<string, unknown>, key: string): boolean {
  return Object.hasOwn(record, key);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
