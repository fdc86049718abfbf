/** Renders messages with the model's chat template. */

import { Template } from '@huggingface/jinja';
import { CodedError, messageOf } from '../core/errors';
import type { Message } from '../dataset/types';
import { formatDate } from './strftime';

/**
 * The template of models that have none: `User: …`, `Assistant: …` and so on, one turn a line, with the end token after each
 * assistant turn. It is Jinja too, so that it can be exported.
 */
const BUILT_IN =
  "{% for message in messages %}{{ message['role'] | capitalize + ': ' + message['content'] }}" +
  "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}{{ '\\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}";

/** The date for templates that print today's date, fixed so that the same data gives the same tokens. Llama 3.2 uses it as its default. */
const TEMPLATE_DATE = new Date(Date.UTC(2024, 6, 26));

/** The library's `strftime_now` can be reassigned in a template, but not passed in. The line break is trimmed with the block. */
const FIX_DATE = '{% set strftime_now = fixed_strftime %}\n';

export class ChatTemplate {
  /** The Jinja text. */
  readonly source: string;
  /** The model has no template; `source` is Finetab's. */
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

  /** Renders the conversation; with `open`, followed by the opening of the assistant's next turn. Throws what the template raises. */
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

  /** Like `render`, but null where the template raises an error. */
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
