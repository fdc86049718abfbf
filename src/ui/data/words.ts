/** Labels and help texts of dataset formats and column roles. */

import type { ColumnRole, DataTask, Format } from '../../../workers/api';

interface FormatWords {
  readonly label: string;
  readonly help: string;
}

const FORMAT_WORDS: Readonly<Record<Format, FormatWords>> = {
  messages: {
    label: 'Chats: messages with role and content',
    help: 'Each row has a list of messages. The assistant’s turns are learnt.',
  },
  sharegpt: { label: 'Chats: conversations with from and value', help: 'ShareGPT. The turns of “gpt” are learnt.' },
  alpaca: { label: 'Instruction, input, output (Alpaca)', help: 'The output is learnt; instruction and input are the question.' },
  'prompt-completion': { label: 'Prompt and completion', help: 'The completion is learnt.' },
  preference: {
    label: 'Preferences: chosen and rejected answers',
    help: 'The preferred answers are learnt, and earlier answers in the prompt. Preference objectives learn from the rejected ones too.',
  },
  'text-label': { label: 'Text and label', help: 'The label is learnt: as a category, or as the answer to the text.' },
  text: { label: 'Plain text', help: 'The whole text is learnt.' },
};

/** What data may be used for. */
export const TASK_WORDS: Readonly<Record<DataTask, { readonly name: string; readonly use: string }>> = {
  text: { name: 'Write the answer as text', use: 'A language model learns to write the texts of the data.' },
  preference: { name: 'Prefer one answer over another', use: 'A language model learns which of two answers is better.' },
  categories: { name: 'Sort into categories', use: 'Predicts one of the categories, with a probability for each.' },
  labels: { name: 'Give labels', use: 'Predicts any number of labels, with a probability for each.' },
  number: { name: 'Give a number', use: 'Predicts a number for each text.' },
};

const ROLE_LABELS: Readonly<Record<ColumnRole, string>> = {
  messages: 'Messages',
  system: 'System prompt',
  user: 'Question (user)',
  context: 'Added to the question',
  assistant: 'Answer (assistant)',
  rejected: 'Rejected answer',
  history: 'Earlier turns',
  text: 'Text',
  label: 'Label',
  ignore: 'Not used',
};

/** All formats, in the order of the list on the page. */
export const FORMATS: readonly (FormatWords & { readonly value: Format })[] = Object.entries(FORMAT_WORDS).map(
  ([value, words]) => ({ value: value as Format, ...words }),
);

/** All roles, in the order of the list on the page. */
export const ROLES: readonly { readonly value: ColumnRole; readonly label: string }[] = Object.entries(ROLE_LABELS).map(
  ([value, label]) => ({ value: value as ColumnRole, label }),
);
