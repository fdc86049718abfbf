/** Conversations in the form that chat templates read: that of the Python library. */

import { callText } from '../dataset/tool-calls';
import type { Message } from '../dataset/types';

/**
 * How a template takes the calls of tools: in `tool_calls`, with the arguments as an object or as JSON text; or not at all, so that
 * they are written into the turn's text.
 */
export type CallForm = 'objects' | 'texts' | 'content';

/** A turn as a template sees it. Absent fields are undefined in Jinja, as in the Python library. */
export interface TemplateTurn {
  readonly role: string;
  readonly content: string | null;
  readonly tool_calls?: readonly unknown[];
  readonly name?: string;
  readonly tool_call_id?: string;
}

/** How calls of tools are given to a template. `empty`: the content of a turn that is calls only. OpenAI's format has null. */
export interface CallStyle {
  readonly form: CallForm;
  readonly empty: null | '';
}

/** In the order in which they are tried. */
export const CALL_STYLES: readonly CallStyle[] = (['objects', 'texts'] as const).flatMap((form) =>
  ([null, ''] as const).map((empty) => ({ form, empty })),
);

export const CALLS_AS_TEXT: CallStyle = { form: 'content', empty: '' };

/** The turn in the style of a template. */
export function templateTurn({ role, content, toolCalls, name, toolCallId }: Message, { form, empty }: CallStyle): TemplateTurn {
  const answers = { ...(name !== undefined && { name }), ...(toolCallId !== undefined && { tool_call_id: toolCallId }) };
  if (toolCalls === undefined) return { role, content, ...answers };
  if (form === 'content') return { role, content: [content, callText(toolCalls)].filter((part) => part !== '').join('\n') };
  const calls = toolCalls.map(({ id, name: called, arguments: given }) => {
    const made = form === 'texts' && typeof given !== 'string' ? JSON.stringify(given) : given;
    return { type: 'function', ...(id !== undefined && { id }), function: { name: called, arguments: made } };
  });
  return { role, content: content === '' ? empty : content, tool_calls: calls };
}

/** What a probe looks for in the rendered text. */
export const PROBE = { tool: 'probe_tool', argument: 'probe-argument' } as const;

/** A tool as templates take it. */
export const PROBE_TOOL = {
  type: 'function',
  function: {
    name: PROBE.tool,
    description: 'A probe.',
    parameters: { type: 'object', properties: { value: { type: 'string', description: 'A value.' } }, required: ['value'] },
  },
} as const;

/** A question, a turn that calls the tool, and its result. The id has the nine characters that some templates insist on. */
export const PROBE_CHAT: readonly Message[] = [
  { role: 'user', content: 'question' },
  { role: 'assistant', content: '', toolCalls: [{ id: 'probe1234', name: PROBE.tool, arguments: { value: PROBE.argument } }] },
  { role: 'tool', content: 'result', toolCallId: 'probe1234' },
];
