/** Labels and help texts of dataset formats and column roles. */

import type { ColumnRole, DatasetView, Format } from '../../../workers/api';
import type { Goal } from '../../state/goal';
import { count } from '../format';

/** Kinds of files that the dialog offers. */
export const DATA_FILES =
  '.csv,.tsv,.jsonl,.ndjson,.json,.txt,.md,.html,.htm,.pdf,.docx,.gz,.zip,.xlsx,.parquet,text/*,application/json,application/gzip';

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
    label: 'Preferences: chosen and rejected answers, or rated ones',
    help: 'The preferred answers are learnt, and earlier answers in the prompt. Preference objectives learn from the rejected ones too.',
  },
  'text-label': { label: 'Text and label', help: 'The label is learnt: as a category, or as the answer to the text.' },
  text: { label: 'Plain text', help: 'The whole text is learnt.' },
};

/** What a template of columns makes in each format; null where the format has whole conversations. */
export const TEMPLATE_WORDS: Readonly<Record<Format, 'question' | 'text' | null>> = {
  messages: null,
  sharegpt: null,
  alpaca: 'question',
  'prompt-completion': 'question',
  preference: 'question',
  'text-label': 'text',
  text: 'text',
};

interface GoalWords {
  readonly name: string;
  /** What a model does that learnt it. */
  readonly use: string;
  /** The same in a sentence after "Looks like: " and "the model learns to ". */
  readonly verb: string;
}

/** What a model may learn from data. */
export const GOAL_WORDS: Readonly<Record<Goal, GoalWords>> = {
  text: {
    name: 'Answer like my examples',
    use: 'A language model learns to write the answer, or the label, as text.',
    verb: 'answer like the examples',
  },
  continue: {
    name: 'Continue text',
    use: 'A language model learns to write on, in the manner of the texts.',
    verb: 'continue text',
  },
  categories: {
    name: 'Sort into categories',
    use: 'Predicts one of the categories, with a probability for each.',
    verb: 'sort into categories',
  },
  labels: {
    name: 'Give labels',
    use: 'Predicts any number of labels, with a probability for each.',
    verb: 'give any number of labels',
  },
  number: { name: 'Give a number', use: 'Predicts a number for each text.', verb: 'give a number' },
  preference: {
    name: 'Prefer one answer over another',
    use: 'A language model learns which of two answers is better.',
    verb: 'prefer one answer over another',
  },
  ratings: {
    name: 'Tell good answers from bad ones',
    use: 'A language model learns to write as the good answers and not as the bad ones.',
    verb: 'tell good answers from bad ones',
  },
};

/** The tiles of the start card, each with an example. */
export const TILES: readonly { readonly goal: Goal; readonly example: string }[] = [
  { goal: 'text', example: 'A customer’s question, and the reply that you would give.' },
  { goal: 'continue', example: 'Diary pages or recipes: the model writes more of the kind.' },
  { goal: 'categories', example: '“Where is my parcel?” → delivery' },
  { goal: 'number', example: '“Water runs through the ceiling!” → urgency 4.8' },
  { goal: 'preference', example: 'Of two replies to one question, the shorter one.' },
];

/** `sort into 6 categories`. */
export function guessWords({ task: { task, labels }, format }: Pick<DatasetView, 'task' | 'format'>): string {
  if (task === 'categories' && labels !== null) return `sort into ${count(labels)} categories`;
  if (task === 'labels' && labels !== null) return `give any of ${count(labels)} labels`;
  return GOAL_WORDS[task === 'text' && format === 'text' ? 'continue' : task].verb;
}

const ROLE_LABELS: Readonly<Record<ColumnRole, string>> = {
  messages: 'Messages',
  system: 'System prompt',
  user: 'Question (user)',
  context: 'Added to the question',
  assistant: 'Answer (assistant)',
  instances: 'Inputs and outputs',
  rejected: 'Rejected answer',
  margin: 'Margin of the preference',
  history: 'Earlier turns',
  tools: 'Tools',
  images: 'Pictures (not read)',
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
