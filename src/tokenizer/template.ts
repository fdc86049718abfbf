/** Renders messages with the model's chat template. */

import { CodedError, messageOf } from '../core/errors';
import type { Message } from '../dataset/types';
import { JinjaTemplate } from './jinja';
import { RenderLimit } from './render-budget';
import { commonStart } from './text';
import { formatDate } from './strftime';
import {
  CALL_STYLES,
  CALLS_AS_TEXT,
  PROBE,
  PROBE_CHAT,
  PROBE_TOOL,
  templateTurn,
  type CallForm,
  type CallStyle,
} from './template-turns';

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

/** Renders conversations: `open` adds the opening of the assistant's next turn. */
export type Renderer = Pick<ChatTemplate, 'render' | 'tryRender' | 'opening'>;

export class ChatTemplate {
  /** The Jinja text. */
  readonly source: string;
  /** The model has no template; `source` is Finetab's. */
  readonly builtIn: boolean;
  readonly #template: JinjaTemplate;
  readonly #specials: Readonly<Record<string, string>>;
  #opening: string | null = null;
  #callStyle: CallStyle | null = null;
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
   * call, which not every template renders. Throws what the template raises, and model/template when rendering does not come to an end.
   */
  render(messages: readonly Message[], open: boolean, tools: readonly unknown[] = []): string {
    const style = messages.some(({ toolCalls }) => toolCalls !== undefined) ? this.#calls() : CALLS_AS_TEXT;
    return this.#render(messages, open, tools, style);
  }

  /** Like `render`, but null where the template raises an error. Throws model/template. */
  tryRender(messages: readonly Message[], open: boolean, tools: readonly unknown[] = []): string | null {
    return attempt(() => this.render(messages, open, tools));
  }

  /** Renders every conversation with these tools. */
  withTools(tools: readonly unknown[] = []): Renderer {
    if (tools.length === 0) return this;
    return {
      render: (messages, open) => this.render(messages, open, tools),
      tryRender: (messages, open) => this.tryRender(messages, open, tools),
      opening: this.opening,
    };
  }

  /** What opens the assistant's turn after a question; empty when the template puts nothing there. */
  get opening(): string {
    this.#opening ??= openingOf(this);
    return this.#opening;
  }

  /** Whether the template shows the model the tools that it is given. */
  get takesTools(): boolean {
    this.#takesTools ??=
      attempt(() => this.#render(PROBE_CHAT.slice(0, 1), true, [PROBE_TOOL], CALLS_AS_TEXT))?.includes(PROBE.tool) ?? false;
    return this.#takesTools;
  }

  /** How the template takes the calls of tools. */
  get callForm(): CallForm {
    return this.#calls().form;
  }

  /** The first style in which the template renders the name and the arguments of a call. */
  #calls(): CallStyle {
    const shows = (style: CallStyle) => {
      const text = attempt(() => this.#render(PROBE_CHAT, false, [PROBE_TOOL], style)) ?? '';
      return text.includes(`"${PROBE.argument}"`) && text.split(PROBE.tool).length > (this.takesTools ? 2 : 1);
    };
    this.#callStyle ??= CALL_STYLES.find(shows) ?? CALLS_AS_TEXT;
    return this.#callStyle;
  }

  #render(messages: readonly Message[], open: boolean, tools: readonly unknown[], style: CallStyle): string {
    const variables = {
      ...this.#specials,
      messages: messages.map((message) => templateTurn(message, style)),
      add_generation_prompt: open,
      tools: tools.length > 0 ? tools : null,
      documents: null,
      strftime_now: (format: string) => formatDate(TEMPLATE_DATE, format),
    };
    try {
      return this.#template.render(variables);
    } catch (error) {
      throw error instanceof RenderLimit ? endless(this.source, error) : error;
    }
  }
}

function openingOf(chat: ChatTemplate): string {
  const question = PROBE_CHAT.slice(0, 1);
  const [open, closed] = [chat.tryRender(question, true) ?? '', chat.tryRender(question, false) ?? ''];
  return open.slice(commonStart(open, closed));
}

function attempt(render: () => string): string | null {
  try {
    return render();
  } catch (error) {
    if (error instanceof CodedError) throw error;
    return null;
  }
}

/** The first characters of a template name it in messages. */
const NAMED = 60;

function endless(source: string, { message, cause }: RenderLimit): CodedError {
  const start = source.trim().slice(0, NAMED).replace(/\s+/g, ' ');
  const advice = "Use the chat_template.jinja of the model's own folder, or another model.";
  const text = `The model's chat template, which begins with “${start}…”, does not come to an end: it ${message}. ${advice}`;
  return new CodedError('model/template', text, [], { cause });
}

function parseTemplate(source: string): JinjaTemplate {
  try {
    return new JinjaTemplate(source);
  } catch (error) {
    const message = `The model's chat template can't be read (${messageOf(error)}). Use the chat_template.jinja of the model's own folder.`;
    throw new CodedError('model/tokenizer', message, [], { cause: error });
  }
}
