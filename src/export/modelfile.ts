/** Ollama's Modelfile beside a GGUF file: the chat template in Go's language, and the texts that end an answer. */

import type { ChatTemplate } from '../tokenizer/template';
import type { TextTokenizer } from '../tokenizer/tokenizer';
import { turnsOf, type Turns } from './turns';

export interface ModelfileFacts {
  /** Name of the GGUF file beside it. */
  readonly file: string;
  /** The run learnt texts, not conversations. */
  readonly texts: boolean;
  readonly tokenizer: TextTokenizer;
}

/** The text of the Modelfile. A chat template that Go's language can't state is left out, and a comment says so. */
export function modelfile({ file, texts, tokenizer }: ModelfileFacts): string {
  const template = texts ? '{{ .Prompt }}' : goTemplate(tokenizer.chat, bosOf(tokenizer));
  const body = template === null ? NO_TEMPLATE : [`TEMPLATE """${template}"""`];
  const stops = tokenizer.stopTexts.map((stop) => `PARAMETER stop ${quoted(stop)}`);
  return [`FROM ./${file}`, ...body, ...stops, ''].join('\n');
}

const NO_TEMPLATE = [
  '# The chat template of this model does more than to put texts around turns, so it is not stated here: write a TEMPLATE,',
  '# or use the GGUF file, which has the template in Jinja, with llama.cpp and its option --jinja.',
];

/** Modelfiles have no escapes: a text with quotation marks is between three of them. */
const quoted = (stop: string): string => (stop.includes('"') ? `"""${stop}"""` : `"${stop}"`);

/** The text of the token that the tokenizer puts before texts; empty when it has none. */
function bosOf(tokenizer: TextTokenizer): string {
  const [id] = tokenizer.prefix;
  return id === undefined ? '' : (tokenizer.tokenOf(id) ?? '');
}

/** Whether conversations begin with the tokenizer's start token, which a program that reads the GGUF file then adds. */
export function startsWithBos(tokenizer: TextTokenizer): boolean {
  const bos = bosOf(tokenizer);
  return bos !== '' && tokenizer.chat.tryRender([{ role: 'user', content: 'text' }], true)?.startsWith(bos) === true;
}

/** The chat template in Go's language, without the start token `bos` that Ollama adds itself; null when it can't be stated. */
export function goTemplate(chat: Pick<ChatTemplate, 'tryRender'>, bos: string): string | null {
  const turns = turnsOf(chat, bos);
  return turns === null ? null : written({ ...turns, start: turns.start === bos ? '' : turns.start });
}

/** `.System` has all system messages. The assistant's turn is opened after the last message, or continued when it is an answer. */
function written({ start, system, noSystem, user, assistant, open }: Turns): string {
  const own = system?.kind === 'turn' ? `{{ if .System }}${raw(system.before)}{{ .System }}${raw(system.after)}` : '';
  const none = noSystem === '' ? '' : own === '' ? `{{ if not .System }}${raw(noSystem)}` : `{{ else }}${raw(noSystem)}`;
  const lead = own + none === '' ? '' : `${own}${none}{{ end }}`;
  return [
    raw(start),
    system === null ? raw(noSystem) : lead,
    '{{ range $i, $_ := .Messages }}{{ $last := eq (len (slice $.Messages $i)) 1 }}',
    `{{ if eq .Role "user" }}${userLead(system, user.before)}{{ .Content }}${raw(user.after)}`,
    `{{ else if eq .Role "assistant" }}${raw(assistant.before)}{{ .Content }}`,
    assistant.after === '' ? '' : `{{ if not $last }}${raw(assistant.after)}{{ end }}`,
    '{{ end }}',
    open === '' ? '' : `{{ if and $last (ne .Role "assistant") }}${raw(open)}{{ end }}`,
    '{{ end }}',
  ].join('');
}

/** The text before a question, with the system message in the first one where the template writes it there. */
function userLead(system: Turns['system'], before: string): string {
  if (system?.kind !== 'in-user') return raw(before);
  const first = `${raw(system.before)}{{ $.System }}${raw(system.after)}`;
  return `{{ if and $.System (le $i 1) }}${first}{{ else }}${raw(before)}{{ end }}`;
}

/** Text of a template as it is, or as a quoted string where it could be read as something else. */
function raw(text: string): string {
  const plain = /^[\p{L}\p{M}\p{N}\p{P}\p{S} \n\t]*$/u.test(text) && !text.includes('{{') && !text.includes('"""');
  if (plain && !text.endsWith('{')) return text;
  const escaped = JSON.stringify(text).replace(/[^ -~]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return `{{ ${escaped} }}`;
}
