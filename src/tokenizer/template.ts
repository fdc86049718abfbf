/** The chat template: from messages to the text that the model was trained on. */

import { Template } from '@huggingface/jinja';
import { CodedError, messageOf } from '../core/errors';
import type { Message } from '../dataset/types';
import { formatDate } from './strftime';

/**
 * For models without a chat template: `User: …`, `Assistant: …` and so on, one turn a line, the end token
 * behind each assistant turn. Jinja like any other, so that an export can carry it along.
 */
const BUILT_IN =
  "{% for message in messages %}{{ message['role'] | capitalize + ': ' + message['content'] }}" +
  "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}{{ '\\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}";

/** Templates that print today's date get this one, or the same data would give other tokens tomorrow. It is Llama 3.2's own fallback. */
const TEMPLATE_DATE = new Date(Date.UTC(2024, 6, 26));

/** The library has a `strftime_now` of its own that can be assigned to, but not passed in. The line break is trimmed with the block. */
const FIX_DATE = '{% set strftime_now = fixed_strftime %}\n';

export class ChatTemplate {
  /** The Jinja text. */
  readonly source: string;
  /** The model came without a template; `source` is Finetab's own. */
  readonly builtIn: boolean;
  readonly #template: Template;
  readonly #specials: Readonly<Record<string, string>>;

  /** `startsWithBos`: whether the built-in template begins with the start token. Throws model/tokenizer when the template can't be read. */
  constructor(source: string | null, specials: Readonly<Record<string, string>>, startsWithBos: boolean) {
    this.builtIn = source === null;
    this.source = source ?? (startsWithBos ? `{{ bos_token }}${BUILT_IN}` : BUILT_IN);
    this.#specials = specials;
    this.#template = parseTemplate(this.source);
  }

  /** The conversation as text; with `open`, followed by the opening of the assistant's next turn. Throws what the template raises. */
  render(messages: readonly Message[], open: boolean): string {
    return this.#template.render({
      ...this.#specials,
      messages: messages.map(({ role, content }) => ({ role, content })),
      add_generation_prompt: open,
      tools: null,
      documents: null,
      fixed_strftime: (format: string) => formatDate(TEMPLATE_DATE, format),
    });
  }

  /** Like `render`, but null where the template refuses the messages. */
  tryRender(messages: readonly Message[], open: boolean): string | null {
    try {
      return this.render(messages, open);
    } catch {
      return null;
    }
  }
}

function parseTemplate(source: string): Template {
  try {
    return new Template(FIX_DATE + source);
  } catch (error) {
    const message = `The model's chat template can't be read (${messageOf(error)}). Use the chat_template.jinja of the model's own folder.`;
    throw new CodedError('model/tokenizer', message, [], { cause: error });
  }
}
