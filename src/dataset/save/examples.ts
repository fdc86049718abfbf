/**
 * Examples as JSON lines, as they are trained: conversations in OpenAI's form (`{"messages": […]}`), texts, pairs in TRL's conversational
 * form (`prompt`, `chosen`, `rejected`, `margin`), rated answers likewise (`prompt`, `completion`, `label`), and texts with their labels. The page reads each of them back as the same examples.
 */

import { isProblem } from '../cells';
import type { Message, ToolCall } from '../types';
import type { SavedExample, SavedExamples } from './saver';

export async function* exampleLines({ examples, labels }: SavedExamples): AsyncIterable<readonly string[]> {
  for await (const chunk of examples.read()) {
    yield chunk.flatMap((one) => (isProblem(one) ? [] : [`${JSON.stringify(plain(one, labels))}\n`]));
  }
}

function plain(example: SavedExample, labels: SavedExamples['labels']): object {
  switch (example.kind) {
    case 'chat':
      return { messages: example.messages.map(turn), ...(example.tools && { tools: example.tools }) };
    case 'text':
      return { text: example.text };
    case 'pair':
      return {
        prompt: example.prompt.map(turn),
        chosen: example.chosen.map(turn),
        rejected: example.rejected.map(turn),
        ...(example.margin !== undefined && { margin: example.margin }),
      };
    case 'unpaired':
      return { prompt: example.prompt.map(turn), completion: example.answer.map(turn), label: example.desirable };
    case 'labelled': {
      const { text, second } = example;
      const texts = second === null ? { text } : { text_a: text, text_b: second };
      return { ...texts, ...targets(example.labels, labels) };
    }
  }
}

function targets(values: readonly string[], { shape, names }: SavedExamples['labels']): object {
  if (shape === 'several') return { label: values };
  if (shape === 'one') return { label: values[0] ?? '' };
  const nameOf = (i: number) => (values.length === 1 ? 'score' : (names[i] ?? `score ${i + 1}`));
  return Object.fromEntries(values.map((value, i) => [nameOf(i), Number(value)]));
}

function turn({ role, content, weight, toolCalls, name, toolCallId }: Message): object {
  return {
    role,
    content,
    ...(weight !== undefined && { weight }),
    ...(toolCalls && { tool_calls: toolCalls.map(call) }),
    ...(name !== undefined && { name }),
    ...(toolCallId !== undefined && { tool_call_id: toolCallId }),
  };
}

/** OpenAI has the arguments as JSON text. Arguments that are text are not JSON. */
function call({ id, name, arguments: given }: ToolCall): object {
  const text = typeof given === 'string' ? given : JSON.stringify(given);
  return { ...(id !== undefined && { id }), type: 'function', function: { name, arguments: text } };
}
