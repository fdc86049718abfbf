/** Renders messages with the model's chat template. */

import { Template } from '@huggingface/jinja';
import { CodedError, messageOf } from '../core/errors';
import type { Message } from '../dataset/types';
import { formatDate } from './strftime';
import { PROBE, PROBE_CHAT, PROBE_TOOL, templateTurn, type CallForm } from './template-turns';

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

/** Renders conversations: `open` adds the opening of the assistant's next turn. */
export type Renderer = Pick<ChatTemplate, 'render' | 'tryRender'>;

export class ChatTemplate {
  /** The Jinja text. */
  readonly source: string;
  /** The model has no template; `source` is Finetab's. */
  readonly builtIn: boolean;
  readonly #template: Template;
  readonly #specials: Readonly<Record<string, string>>;
  #callForm: CallForm | null = null;
  #takesTools: boolean | null = null;

  /** `startsWithBos`: whether the built-in template begins with the start token. Throws model/tokenizer when the template can't be read. */
  constructor(source: string | null, specials: Readonly<Record<string, string>>, startsWithBos: boolean) {
    this.builtIn = source === null;
    this.source = source ?? (startsWithBos ? `{{ bos_token }}${BUILT_IN}` : BUILT_IN);
    this.#specials = specials;
    this.#template = parseTemplate(this.source);
  }

  /**
   * Renders the conversation; with `open`, followed by the opening of the assistant's next turn. `tools` are those that the assistant may
   * call, which not every template renders. Throws what the template raises.
   */
  render(messages: readonly Message[], open: boolean, tools: readonly unknown[] = []): string {
    const form = messages.some(({ toolCalls }) => toolCalls !== undefined) ? this.callForm : 'content';
    return this.#render(messages, open, tools, form);
  }

  /** Like `render`, but null where the template raises an error. */
  tryRender(messages: readonly Message[], open: boolean, tools: readonly unknown[] = []): string | null {
    return attempt(() => this.render(messages, open, tools));
  }

  /** Renders every conversation with these tools. */
  withTools(tools: readonly unknown[] = []): Renderer {
    if (tools.length === 0) return this;
    return {
      render: (messages, open) => this.render(messages, open, tools),
      tryRender: (messages, open) => this.tryRender(messages, open, tools),
    };
  }

  /** Whether the template shows the model the tools that it is given. */
  get takesTools(): boolean {
    this.#takesTools ??=
      attempt(() => this.#render(PROBE_CHAT.slice(0, 1), true, [PROBE_TOOL], 'content'))?.includes(PROBE.tool) ?? false;
    return this.#takesTools;
  }

  /** How the template takes the calls of tools: the first form in which it renders the name and the arguments of one. */
  get callForm(): CallForm {
    const shows = (form: CallForm) => {
      const text = attempt(() => this.#render(PROBE_CHAT, false, [PROBE_TOOL], form)) ?? '';
      return text.includes(`"${PROBE.argument}"`) && text.split(PROBE.tool).length > (this.takesTools ? 2 : 1);
    };
    this.#callForm ??= (['objects', 'texts'] as const).find(shows) ?? 'content';
    return this.#callForm;
  }

  #render(messages: readonly Message[], open: boolean, tools: readonly unknown[], form: CallForm): string {
    return this.#template.render({
      ...this.#specials,
      messages: messages.map((message) => templateTurn(message, form)),
      add_generation_prompt: open,
      tools: tools.length > 0 ? tools : null,
      documents: null,
      fixed_strftime: (format: string) => formatDate(TEMPLATE_DATE, format),
    });
  }
}

function attempt(render: () => string): string | null {
  try {
    return render();
  } catch {
    return null;
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
