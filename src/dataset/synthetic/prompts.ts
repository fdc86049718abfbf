/** Prompts from which a model writes an example, and how its answer is read. Chat models are asked; text models continue a list. */

import type { WritingPrompt } from './types';

/** A text with its label or its answer, or alone. */
export interface Example {
  readonly input: string;
  readonly output: string | null;
}

/** `label`: the output is a given label. `answer`: it is written too. `alone`: there is none. */
export type Form = 'label' | 'answer' | 'alone';

/** What one prompt asks for. */
export interface Task {
  readonly form: Form;
  /** Examples to be like; of a paraphrase the one to say otherwise. */
  readonly examples: readonly Example[];
  readonly paraphrase: boolean;
  /** Null where examples are not labelled. */
  readonly label: string | null;
}

export function promptOf(task: Task, chat: boolean): WritingPrompt['prompt'] {
  if (!chat) return { text: task.paraphrase ? paraphraseText(task) : listText(task) };
  return { messages: [{ role: 'user', content: task.paraphrase ? paraphraseChat(task) : listChat(task) }] };
}

const one = (text: string): string => text.replace(/\s*\n\s*/g, ' ').trim();

function listText({ form, examples, label }: Task): string {
  const blocks = examples.map(({ input, output }) => {
    if (form === 'label') return `Label: ${one(output ?? '')}\nText: ${one(input)}`;
    return form === 'answer' ? `Question: ${one(input)}\nAnswer: ${one(output ?? '')}` : `Text: ${one(input)}`;
  });
  const last = form === 'label' ? `Label: ${one(label ?? '')}\nText:` : form === 'answer' ? 'Question:' : 'Text:';
  return [...blocks, last].join('\n\n');
}

function paraphraseText({ examples: [example] }: Task): string {
  return `Text: ${one(example?.input ?? '')}\n\nThe same text in other words:`;
}

const ALIKE = 'in the same language, about as long, about something else';

function listChat({ form, examples, label }: Task): string {
  const list = examples.map(({ input, output }, index) =>
    form === 'answer' ? `Question: ${input.trim()}\nAnswer: ${(output ?? '').trim()}` : `Example ${index + 1}: ${input.trim()}`,
  );
  const asked = {
    label: `Write one more text like these, which all have the label “${label ?? ''}”: ${ALIKE}. Write the text only.`,
    answer: `Write one more question and its answer like these: ${ALIKE}. Begin with “Question:”, then write “Answer:” in a new line.`,
    alone: `Write one more text like these: ${ALIKE}. Write the text only.`,
  }[form];
  return `${list.join('\n\n')}\n\n${asked}`;
}

function paraphraseChat({ examples: [example] }: Task): string {
  const asked = 'Say the following text in other words, in the same language. Keep its meaning. Write the new text only.';
  return `${asked}\n\n${example?.input.trim() ?? ''}`;
}

/** What was read from an answer; `whole`: the model wrote it to its end. Null where it has not the form. */
export interface Answer extends Example {
  readonly whole: boolean;
}

/** `ended`: the model ended the text itself. */
export function readAnswer(task: Task, chat: boolean, text: string, ended: boolean): Answer | null {
  const output = task.paraphrase ? (task.examples[0]?.output ?? null) : task.label;
  if (task.form === 'answer' && !task.paraphrase) return readPair(chat ? text : `Question:${text}`, chat, ended);
  if (chat) return { input: bare(text), output, whole: ended };
  const end = /\n\s*\n|\n\s*(?:Label|Text|Question|Answer|The same)\b[^\n]*:/.exec(text.trimStart());
  const written = text.trimStart().slice(0, end?.index);
  return { input: bare(written), output, whole: ended || end !== null };
}

function readPair(text: string, chat: boolean, ended: boolean): Answer | null {
  const found = /^\s*Question:\s*(\S[^]*?)\s*\n\s*Answer:\s*(\S[^]*)$/.exec(text);
  const [, input, rest] = found ?? [];
  if (input === undefined || rest === undefined || /\n\s*\n/.test(input)) return null;
  const end = chat ? /\n\s*Question:/.exec(rest) : /\n\s*\n|\n\s*Question:/.exec(rest);
  return { input: bare(input), output: rest.slice(0, end?.index).trim(), whole: ended || end !== null };
}

/** Without a heading that a model repeats, and without quotation marks around the whole text. */
function bare(text: string): string {
  const plain = text.trim().replace(/^(?:Example \d+|Text|Question):\s*/i, '');
  return /^(["“„«])([^"”“»]*)["”“»]$/.exec(plain)?.[2]?.trim() ?? plain;
}
